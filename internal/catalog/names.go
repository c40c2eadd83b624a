package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/sqltext"
)

// Names is all of a statement's text that decides what [ExamineNames] finds:
// statements of one Shape change the same, whatever their constants.
type Names struct {
	Key string

	reads, writes []sqltext.Table
	calls         []sqltext.Function
	operators     []string
	words         []string // that may name types
	on            event
	counted       bool // the command tag counts what it changes
	temporary     bool // it makes or drops a temporary table, and nothing else but what event triggers add
}

// NamesOf returns the names in a statement. It returns false where the text
// does not show all of them, or is neither a query nor holds one.
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
	if !n.look(st.Text) {
		return Names{}, false
	}
	if st.Kind == sqltext.Explain && st.Runs != sqltext.Yes && n.on != 0 {
		return Names{}, false // planning may run defaults and rules that these names do not lead to
	}
	n.setKey()
	return n, true
}

// look adds what the tokens of the text tell beyond the names: what is done to
// the relations written to, the operators, and the functions that attribute
// notation may call, as a.f does for f(a).
func (n *Names) look(text string) bool {
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

// commandEvents tells what the words of commands do to what is written to. In
// one statement there may be several, in WITH.
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

// ExamineNames tells what a statement may change, going by the names in its
// text: by the relations named, with all that the catalogs add, by all
// functions of each name that is called, by the operators of each name, and by
// the casts and domains that somebody made. It may tell of more than [Examine]
// does and of no less. Of the effects, only Writes, WritesKnown, RowsOnly,
// Dependencies and Version say anything. Nothing is locked, and neither rights
// nor a primary are needed.
//
// in tells where names are looked for. conn is used as by [Examine].
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

// planNames is what is to be done for a question of names.
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
