package catalog

import (
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/sqltext"
)

// followText begins to follow what the text itself names, where the server does
// not parse it for us: the role lacks TEMP, or the server is a standby. That
// tells nothing certain of what an answer depends on, but it does of what
// changes: the relations named, with all that the catalogs add, and the
// functions of each name that is called. What the text does not show is in
// question as a whole: operators, casts and domains that somebody made.
func (w *walk) followText(st *sqltext.Statement, because *refusedError) *wanted {
	w.events = true
	w.refuse(Unexamined, because.Message)
	w.effects.ReadsKnown = false
	if !st.TablesKnown {
		w.unknown(Unexamined, because.Message)
	}
	if st.ReadOnly == sqltext.No {
		w.refuse(NotRead, st.Kind.String())
		w.effects.ReadOnly = false
	}
	var n Names
	if !n.look(st.Text) {
		w.unknown(Unexamined, because.Message)
	}
	return &wanted{
		tables:    []namedTables{{st.Reads, readStep, 0}, {st.Writes, writeStep, writeEvents(st)}},
		calls:     append(n.calls, st.Calls...),
		operators: n.operators,
		byName:    true,
		strict:    true,
		missing: func() { // SELECT ... INTO a table that is not there
			w.unknown(Unexamined, because.Message)
		},
	}
}

// writeEvents tells what a text may do to the relations that it writes to.
func writeEvents(st *sqltext.Statement) event {
	switch st.Kind {
	case sqltext.CopyFrom:
		return onInsert | byCopy
	case sqltext.Truncate:
		return onTruncate
	}
	return onInsert | onUpdate | onDelete
}

// enqueueUserMade adds what a text may use of operators of the names given, of
// those that syntax stands for (BETWEEN, LIKE) and of operator classes (ORDER
// BY, DISTINCT), and of casts and domains. No name of the latter need be in it.
func (w *walk) enqueueUserMade(operators []string) {
	for _, o := range w.userMade.operators {
		if o.inClass || syntaxOperators[o.name] || slices.Contains(operators, o.name) {
			w.enqueue(functionStep, o.function, 0)
		}
	}
	for _, oid := range w.userMade.casts {
		w.enqueue(functionStep, oid, 0)
	}
	for _, oid := range w.userMade.domains {
		w.enqueue(typeStep, oid, 0)
	}
}

var syntaxOperators = set("=", "<>", "<", ">", "<=", ">=", "~~", "!~~", "~~*", "!~~*", "~", "!~")

// textArray writes strings as the text form of an array.
func textArray(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}
