package catalog

import (
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/sqltext"
)

// countsChanges reports whether the statement's command tag counts the rows
// that its command changes, and the text contains no other command that changes
// rows. The server accepts data-modifying queries in the leading WITH clause
// only.
func countsChanges(st *sqltext.Statement) bool {
	switch st.Kind {
	case sqltext.Insert, sqltext.Update, sqltext.Delete, sqltext.Merge, sqltext.CopyFrom:
	default:
		return false
	}
	if st.Count != 1 || st.Err != nil {
		return false
	}
	commands, with := 0, false
	for l := sqltext.NewLexer(st.Text); ; {
		token, ok := l.Next()
		if !ok {
			return l.Err() == nil && (!with || commands == 1)
		}
		if token.Kind != sqltext.Word {
			continue
		}
		word := strings.ToLower(st.Text[token.Pos:token.End])
		if commandEvents[word] != 0 {
			commands++
		}
		with = with || word == "with" && commands == 0
	}
}

// onlyRows reports whether every change comes with a row that the command
// itself changes, as with foreign keys: the walk met no rule, and no function
// that may write in a trigger, a default or a condition. These run without any
// changed row: statement triggers, BEFORE triggers that return NULL, and
// everything that ON CONFLICT DO NOTHING evaluates.
func (w *walk) onlyRows() bool {
	if !w.effects.WritesKnown {
		return false
	}
	for s := range w.done {
		switch {
		case s.kind == functionStep && s.oid >= firstNormalOID && !w.writesNothing(s.oid):
			return false
		case s.kind.ofRelation() && slices.ContainsFunc(w.relations[s.oid].rules, func(r rule) bool { return r.event != '1' }):
			return false
		}
	}
	return true
}

// writesNothing reports whether a function changes nothing itself. The walk
// includes the functions that it calls.
func (w *walk) writesNothing(oid uint32) bool {
	f := w.routines.functions[oid]
	switch {
	case f == nil:
		return false
	case f.volatility != 'v', pureExtensions[f.extension], f.schema == "headrace" && f.name == "touch":
		return true
	}
	b := w.bodies[oid]
	return b != nil && !b.opaque && !b.into && b.writes == 0
}
