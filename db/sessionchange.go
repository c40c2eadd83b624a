package db

import (
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/sqltext"
)

// A sessionChange is what a statement does to a part of its session: a setting,
// or one of the other things.
type sessionChange struct {
	what string
	back bool // to what the session began with
}

// changesSession tells what a text shows. What procedures and functions do to a
// session is not seen, but for the settings that the server reports.
func changesSession(st *sqltext.Statement) []sessionChange {
	if st.Kind == sqltext.Several {
		var all []sessionChange
		for _, one := range sqltext.Statements(st.Text) {
			all = append(all, changesSession(one)...)
		}
		return all
	}
	list := changesByConfig(st)
	switch st.Kind {
	case sqltext.Set:
		list = append(list, changesBySet(st)...)
	case sqltext.Reset:
		if !leavesAnswers(st.Target) {
			list = append(list, sessionChange{st.Target, true})
		}
	case sqltext.Discard:
		list = append(list, changesByDiscard(st.Text)...)
	default:
		if what := otherChange(st); what != "" {
			list = append(list, sessionChange{what: what})
		}
	}
	return list
}

// changesByConfig tells what calls of set_config do.
func changesByConfig(st *sqltext.Statement) (list []sessionChange) {
	if !callsSetConfig(st) || st.Kind == sqltext.Prepare { // EXECUTE runs it
		return nil
	}
	configs, ok := configsIn(st)
	if !ok {
		return []sessionChange{{what: somethingUnknown}}
	}
	for _, c := range configs {
		if !c.local && !leavesAnswers(c.setting) {
			list = append(list, sessionChange{what: c.setting})
		}
	}
	return list
}

func changesBySet(st *sqltext.Statement) []sessionChange {
	switch {
	case st.Local || leavesAnswers(st.Target):
		return nil
	case setsBack(st.Text):
		return []sessionChange{{st.Target, true}}
	case st.Target == "":
		return []sessionChange{{what: somethingUnknown}}
	case st.Target == "session_authorization": // which decides on the role as well
		return []sessionChange{{what: st.Target}, {what: "role"}}
	}
	return []sessionChange{{what: st.Target}}
}

func changesByDiscard(text string) []sessionChange {
	discarded := discardedBy(text)
	switch {
	case discarded&byPath != 0:
		return []sessionChange{{"discard all", true}}
	case discarded&byTemporary != 0:
		return []sessionChange{{temporaryRelations, true}}
	}
	return nil
}

// otherChange returns what a statement changes that is not about settings, or
// "".
func otherChange(st *sqltext.Statement) string {
	switch st.Kind {
	case sqltext.Execute:
		return somethingUnknown
	case sqltext.Do:
		if mayDoSettings(st.Text) {
			return somethingUnknown
		}
	case sqltext.DDL:
		switch st.Temporary() {
		case sqltext.CreatesForCommit, sqltext.DropsTemporary:
			return ""
		}
		if namesOne(st.Text, temporaryWords) {
			return temporaryRelations
		}
	case sqltext.Select:
		if st.MakesTemporary {
			return temporaryRelations
		}
	case sqltext.Explain:
		switch {
		case st.MakesTemporary:
			return temporaryRelations
		case st.Runs != sqltext.No && !st.TablesKnown && st.DDL == sqltext.AnyDDL: // EXECUTE
			return somethingUnknown
		}
	case sqltext.Unrecognized:
		if st.Text != "" { // "" stands for a text that is rewritten
			return somethingUnknown
		}
	}
	return ""
}

var temporaryWords = []string{"temp", "temporary", "pg_temp"}

// namesOne reports whether one of words is a word of a text.
func namesOne(text string, words []string) bool {
	return slices.ContainsFunc(wordsOf(text), func(field string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.EqualFold(word, field) })
	})
}
