package catalog

import (
	"strings"

	"github.com/headrace/headrace/internal/sqltext"
)

// followText begins to follow what the text itself names, where the server does
// not parse it for us: the role lacks TEMP, or the server is a standby. That
// tells what changes: the relations named, with all that the catalogs add, and
// the functions of each name that is called. What the text does not show is in
// question as a whole: operators and casts that somebody made. What an answer
// depends on it tells where it is plain.
func (w *walk) followText(st *sqltext.Statement, because string) *wanted {
	w.events = true
	w.add(collectStatement(value{}, w.effects.ParamTypes))
	if st.ReadOnly == sqltext.No {
		w.refuse(NotRead, st.Kind.String())
		w.effects.ReadOnly = false
	}
	var n Names
	shown := n.look(st.Text) && st.TablesKnown
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
		missing: func() { // SELECT ... INTO a table that is not there
			w.plain.plain = false
			w.unknown(Unexamined, because)
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
