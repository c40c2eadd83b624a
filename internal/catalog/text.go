package catalog

import (
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
	w.add(collectStatement(value{}, w.effects.ParamTypes))
	if !st.TablesKnown || makesTable(st) {
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
		words:     typeWords(st.Text),
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

// textArray writes strings as the text form of an array.
func textArray(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}
