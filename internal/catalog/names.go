package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/sqltext"
)

// Names is all of a statement's text that decides what [ExamineNames] finds:
// statements of one Shape change the same, whatever their constants.
type Names struct {
	Shape string

	reads, writes []sqltext.Table
	calls         []sqltext.Function
	operators     []string
	on            event
	temporary     bool // it makes or drops a temporary table, and nothing else but what event triggers add
}

// NamesOf returns the names in a statement. It returns false where the text
// does not show all of them, or is neither a query nor holds one.
func NamesOf(st *sqltext.Statement) (Names, bool) {
	if st.Temporary() != sqltext.NotTemporary {
		return Names{Shape: "temporary", temporary: true}, true
	}
	switch st.Kind {
	case sqltext.Select, sqltext.Values, sqltext.TableQuery,
		sqltext.Insert, sqltext.Update, sqltext.Delete, sqltext.Merge,
		sqltext.CopyFrom, sqltext.CopyTo, sqltext.Explain, sqltext.Declare, sqltext.Truncate:
	default:
		return Names{}, false
	}
	if st.Count != 1 || !st.TablesKnown {
		return Names{}, false
	}
	n := Names{reads: st.Reads, writes: st.Writes, calls: slices.Clone(st.Calls)}
	if !n.look(st.Text) {
		return Names{}, false
	}
	n.shape()
	return n, true
}

// look adds what the tokens of the text tell beyond the names: what is done to
// the relations written to, the operators, and the functions that attribute
// notation may call, as a.f does for f(a).
func (n *Names) look(text string) bool {
	dot := false
	for l := sqltext.NewLexer(text); ; {
		token, ok := l.Next()
		if !ok {
			return l.Err() == nil
		}
		raw := text[token.Pos:token.End]
		name := strings.ToLower(raw)
		switch token.Kind {
		case sqltext.Space, sqltext.Comment:
			continue
		case sqltext.Word:
			n.on |= commandEvents[name]
		case sqltext.Operator:
			if !slices.Contains(n.operators, raw) {
				n.operators = append(n.operators, raw)
			}
		case sqltext.QuotedName:
			if raw[0] != '"' {
				return false // U&"..."
			}
			name = strings.ReplaceAll(raw[1:len(raw)-1], `""`, `"`)
		}
		if call := (sqltext.Function{Name: name}); dot && token.Kind != sqltext.Operator && !slices.Contains(n.calls, call) {
			n.calls = append(n.calls, call)
		}
		dot = raw == "."
	}
}

// commandEvents tells what the words of commands do to what is written to. In
// one statement there may be several, in WITH.
var commandEvents = map[string]event{
	"insert": onInsert, "update": onUpdate, "delete": onDelete, "merge": onInsert | onUpdate | onDelete,
	"copy": onInsert, "truncate": onTruncate,
}

func (n *Names) shape() {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", n.on)
	for _, list := range [][]sqltext.Table{n.reads, n.writes} {
		b.WriteByte('\n')
		for _, t := range list {
			writeName(&b, t.Schema, t.Name)
		}
	}
	b.WriteByte('\n')
	for _, f := range n.calls {
		writeName(&b, f.Schema, f.Name)
	}
	b.WriteByte('\n')
	b.WriteString(strings.Join(n.operators, " "))
	n.Shape = b.String()
}

func writeName(b *strings.Builder, schema, name string) {
	b.WriteString(quoteName(schema))
	b.WriteByte('.')
	b.WriteString(quoteName(name))
	b.WriteByte(' ')
}

// ExamineNames tells what a statement may change, going by the names in its
// text: by the relations named, with all that the catalogs add, by all
// functions of each name that is called, by the operators of each name, and by
// the casts and domains that somebody made. It may tell of more than [Examine] does and of
// no less. Only Writes and WritesKnown of the effects say anything. Nothing is
// locked, and neither rights nor a primary are needed.
//
// in tells where names are looked for. conn is used as by [Examine].
func ExamineNames(ctx context.Context, conn *pgx.Conn, n Names, in Where) (Effects, error) {
	pc := conn.PgConn()
	if pc.TxStatus() != 'I' {
		return Effects{}, errors.New("examine names: the connection is in a transaction")
	}
	if pc.ParameterStatus("standard_conforming_strings") == "off" {
		return Effects{}, nil
	}
	e := Effects{WritesKnown: true}
	err := inTransaction(ctx, pc, func(path string) error {
		w := newWalk(pc, path, &e)
		w.byNames = true
		return w.followNames(ctx, n, in)
	})
	if err != nil {
		return Effects{}, fmt.Errorf("examine names: %w", err)
	}
	return e, nil
}

// Where says what a name without a schema may stand for.
type Where uint8

// Where names may lead.
const (
	OnPath      Where = iota // what conn's search path makes of them
	OrTemporary              // that, or a temporary table of another session to which writing runs no code
	Anywhere                 // relations of all schemas, by whatever search path and role, and temporary ones of all kinds
)

func (w *walk) followNames(ctx context.Context, n Names, in Where) error {
	var err error
	if n.temporary {
		w.effects.WritesKnown, err = noEventTriggers(ctx, w.conn)
		return err
	}
	err = errors.Join(
		w.enqueueFound(ctx, in, n.reads, readStep, 0),
		w.enqueueFound(ctx, in, n.writes, writeStep, n.on))
	if err != nil {
		return err
	}
	if err := narrowPath(ctx, w.conn); err != nil {
		return err
	}
	if slices.ContainsFunc(n.calls, func(f sqltext.Function) bool { return f.Schema == "pg_temp" }) {
		w.effects.WritesKnown = false
	}
	if err := w.enqueueNamed(ctx, n.calls, n.operators); err != nil {
		return err
	}
	if err := w.steps(ctx); err != nil {
		return err
	}
	w.effects.Writes = w.relationList(w.writes)
	return nil
}

var eventTriggersQuery = exact("SELECT 1 FROM pg_catalog.pg_event_trigger WHERE evtenabled <> 'D' LIMIT 1")

// noEventTriggers reports whether DDL does what its text says and no more.
func noEventTriggers(ctx context.Context, conn *pgconn.PgConn) (bool, error) {
	rows, err := query(ctx, conn, eventTriggersQuery)
	if err != nil {
		return false, fmt.Errorf("look for event triggers: %w", err)
	}
	return len(rows) == 0, nil
}

// Both queries return the position of a name beside each relation that it may
// stand for.
var (
	pathQuery = exact(`
SELECT t.i, pg_catalog.to_regclass(t.name)::pg_catalog.oid
FROM pg_catalog.unnest($3::pg_catalog.text[]) WITH ORDINALITY t (name, i)
WHERE pg_catalog.to_regclass(t.name) IS NOT NULL AND $1::pg_catalog.text IS NOT NULL AND $2::pg_catalog.text IS NOT NULL`)

	anywhereQuery = exact(`
SELECT t.i, c.oid
FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) WITH ORDINALITY t (schema, name, i)
	JOIN pg_catalog.pg_class c ON c.relname = t.name::pg_catalog.name
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE (n.nspname = t.schema::pg_catalog.name OR t.schema = ''
		OR t.schema = 'pg_temp' AND pg_catalog.starts_with(n.nspname::pg_catalog.text, 'pg_temp_'))
	AND c.relkind::pg_catalog.text = ANY (ARRAY['r', 'p', 'v', 'm', 'f', 'S', 't'])
	AND $3::pg_catalog.text IS NOT NULL`)
)

// enqueueFound adds the relations that names stand for. With a name that
// stands for none, as that of a temporary table of another session, anything
// may be written.
func (w *walk) enqueueFound(ctx context.Context, in Where, tables []sqltext.Table, kind stepKind, on event) error {
	if len(tables) == 0 {
		return nil
	}
	sql := pathQuery
	if in == Anywhere {
		sql = anywhereQuery
	}
	schemas, names, qualified := make([]string, len(tables)), make([]string, len(tables)), make([]string, len(tables))
	for i, t := range tables {
		schemas[i], names[i], qualified[i] = t.Schema, t.Name, quoteName(t.Name)
		if t.Schema != "" {
			qualified[i] = quoteName(t.Schema) + "." + qualified[i]
		}
	}
	rows, err := query(ctx, w.conn, sql, textArray(schemas), textArray(names), textArray(qualified))
	if err != nil {
		return fmt.Errorf("look up relations by name: %w", err)
	}
	found := map[string]bool{}
	for _, row := range rows {
		oid, err := parseOID(row[1])
		if err != nil {
			return err
		}
		found[string(row[0])] = true
		w.enqueue(kind, oid, on)
	}
	for i, t := range tables {
		temporary := in == OrTemporary && (t.Schema == "" || t.Schema == "pg_temp")
		if !found[strconv.Itoa(i+1)] && !temporary {
			w.effects.WritesKnown = false
		}
	}
	return nil
}
