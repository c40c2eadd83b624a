package catalog

import (
	"strings"

	"github.com/headrace/headrace/internal/sqltext"
)

// followText starts the walk from the names in the text, where the server
// cannot parse it for this package: the role lacks TEMP, or the server is a
// standby. The names show what the statement changes: the named relations, with
// everything that the catalogs add, and the functions of each called name. The
// text does not show operators and casts that are user-defined, so all of them
// count. If the text is plain, the names also show what the result depends on.
func (w *walk) followText(st *sqltext.Statement, because string) *wanted {
	w.events = true
	w.add(collectStatement(value{}, w.effects.ParamTypes))
	if st.ReadOnly == sqltext.No {
		w.refuse(NotRead, st.Kind.String())
		w.effects.ReadOnly = false
	}
	var n Names
	shown := n.scanText(st.Text) && st.TablesKnown
	if !shown {
		w.unknown(Unexamined, because)
	}
	n.calls = append(n.calls, st.Calls...)
	w.plain = newPlainText(st, because)
	w.plain.plain = w.plain.plain && shown && len(st.Writes) == 0
	return &wanted{
		tables:    []namedTables{{st.Reads, readStep, 0}, {st.Writes, writeStep, writeEvents(st)}},
		calls:     n.calls,
		operators: n.operators,
		words:     textNames(st.Text),
		byName:    true,
		strict:    true,
		missing: func() { // SELECT ... INTO a table that does not exist
			w.plain.plain = false
			w.unknown(Unexamined, because)
		},
	}
}

// writeEvents returns the events that a text may cause on the relations that it
// writes to.
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
