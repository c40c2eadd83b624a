package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/sqltext"
)

// Names holds everything in a statement's text that [ExamineNames] evaluates:
// statements with one Key change the same relations, whatever their constants.
type Names struct {
	Key string

	reads, writes []sqltext.Table
	calls         []sqltext.Function
	operators     []string
	words         []string // words that may name types
	on            event
	counted       bool // the command tag counts the rows it changes
	temporary     bool // creates or drops a temporary table, and does nothing else except firing event triggers
}

// NamesOf returns the names in a statement. It reports false if the text does
// not show all of them, or is neither a query nor contains one.
func NamesOf(st *sqltext.Statement) (Names, bool) {
	if st.Temporary() != sqltext.NotTemporary {
		return Names{Key: "temporary", temporary: true}, true
	}
	switch st.Kind {
	case sqltext.Select, sqltext.Values, sqltext.TableQuery,
		sqltext.Insert, sqltext.Update, sqltext.Delete, sqltext.Merge,
		sqltext.CopyFrom, sqltext.CopyTo, sqltext.Explain, sqltext.Declare, sqltext.Truncate:
	default:
		return Names{}, false
	}
	if st.Count != 1 || !st.TablesKnown || makesTable(st) {
		return Names{}, false
	}
	n := Names{reads: st.Reads, writes: st.Writes, calls: slices.Clone(st.Calls), words: typeWords(st.Text), counted: countsChanges(st)}
	if !n.scanText(st.Text) {
		return Names{}, false
	}
	if st.Kind == sqltext.Explain && st.Runs != sqltext.Yes && n.on != 0 {
		return Names{}, false // planning may evaluate defaults and rules that these names do not lead to
	}
	n.setKey()
	return n, true
}

// scanText adds what the tokens of the text show beyond the names: the events
// on the relations written to, the operators, and the functions that attribute
// notation may call, as a.f calls f(a).
func (n *Names) scanText(text string) bool {
	operators, calls := map[string]bool{}, map[sqltext.Function]bool{}
	for _, call := range n.calls {
		calls[call] = true
	}
	dot := false
	for l := sqltext.NewLexer(text); ; {
		token, ok := l.Next()
		if !ok {
			return l.Err() == nil
		}
		raw := text[token.Pos:token.End]
		switch token.Kind {
		case sqltext.Space, sqltext.Comment:
			continue
		case sqltext.Operator:
			if !operators[raw] {
				operators[raw] = true
				n.operators = append(n.operators, raw)
			}
		case sqltext.Word, sqltext.QuotedName:
			name, certain := sqltext.NameOf(text, token)
			if !certain {
				return false
			}
			if token.Kind == sqltext.Word {
				n.on |= commandEvents[name]
			}
			if call := (sqltext.Function{Name: name}); dot && !calls[call] {
				calls[call] = true
				n.calls = append(n.calls, call)
			}
		}
		dot = raw == "."
	}
}

// commandEvents maps commands to the events on the relation that they write to.
// One statement may contain several, in WITH.
var commandEvents = map[string]event{
	"insert": onInsert, "update": onUpdate, "delete": onDelete, "merge": onInsert | onUpdate | onDelete,
	"copy": onInsert, "truncate": onTruncate,
}

func (n *Names) setKey() {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %t", n.on, n.counted)
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
	b.WriteByte('\n')
	for _, name := range n.words {
		writeName(&b, "", name)
	}
	n.Key = b.String()
}

func writeName(b *strings.Builder, schema, name string) {
	b.WriteString(quoteName(schema))
	b.WriteByte('.')
	b.WriteString(quoteName(name))
	b.WriteByte(' ')
}

// ExamineNames determines what a statement may change by the names in its text:
// the named relations, with everything that the catalogs add, all functions of
// each called name, the operators of each name, and user-defined casts and
// domains. It may report more than [Examine] does, and never less. Only Writes,
// WritesKnown, RowsOnly, Dependencies and Version of the effects are set. It
// takes no locks, and needs neither privileges nor a primary.
//
// scope is the scope in which names are looked up. conn is used as by
// [Examine].
func ExamineNames(ctx context.Context, conn *pgx.Conn, n Names, scope NameScope) (Effects, error) {
	a := ExamineAll(ctx, conn, []Question{{Names: &n, Scope: scope}})[0]
	return a.Effects, a.Err
}

// A NameScope is the set of relations that a name without a schema may refer
// to.
type NameScope uint8

// The name scopes. A larger one includes the smaller ones.
const (
	PathScope      NameScope = iota // the relation that conn's search path finds
	TemporaryScope                  // also a temporary table of another session, if writing to it runs no code
	AnyScope                        // relations of all schemas, under any search path and role, and all temporary relations

	NameScopes // the number of name scopes
)

// planNames plans the answer to a question of names.
func planNames(n *Names, scope NameScope) plan {
	p := plan{effects: Effects{WritesKnown: true}, byNames: true, counted: n.counted}
	if n.temporary {
		p.steps = []step{{kind: eventStep}}
		return p
	}
	p.find = &wanted{
		tables:    []namedTables{{n.reads, readStep, 0}, {n.writes, writeStep, n.on}},
		calls:     n.calls,
		operators: n.operators,
		words:     n.words,
		byName:    true,
		scope:     scope,
	}
	p.effects.WritesKnown = !slices.ContainsFunc(n.calls, func(f sqltext.Function) bool { return f.Schema == "pg_temp" })
	return p
}
