package sqltext

import (
	"slices"
)

// A SessionChange is a statement's change to a part of its session: a setting,
// or one of the constants below.
type SessionChange struct {
	What  string
	Reset bool // whether the statement restores the initial value
}

// Values of SessionChange.What other than names of settings.
const (
	TemporaryRelations = "temporary relations"
	SomethingUnknown   = "something unknown"
)

// SessionChanges returns the changes that the text shows. It does not see what
// procedures and functions change.
func (st *Statement) SessionChanges() []SessionChange {
	if st.Kind == Several {
		var all []SessionChange
		for _, one := range Statements(st.Text) {
			all = append(all, one.SessionChanges()...)
		}
		return all
	}
	list := changesByConfig(st)
	switch st.Kind {
	case Set:
		list = append(list, changesBySet(st)...)
	case Reset:
		if !AffectsNoResult(st.Target) {
			list = append(list, SessionChange{st.Target, true})
		}
	case Discard:
		list = append(list, changesByDiscard(st.Text)...)
	default:
		if what := otherChange(st); what != "" {
			list = append(list, SessionChange{What: what})
		}
	}
	return list
}

// changesByConfig returns the changes made by calls of set_config.
func changesByConfig(st *Statement) (list []SessionChange) {
	if !callsSetConfig(st) || st.Kind == Prepare { // EXECUTE runs it
		return nil
	}
	configs, ok := configsIn(st)
	if !ok {
		return []SessionChange{{What: SomethingUnknown}}
	}
	for _, c := range configs {
		if !c.local && !AffectsNoResult(c.setting) {
			list = append(list, SessionChange{What: c.setting})
		}
	}
	return list
}

func changesBySet(st *Statement) []SessionChange {
	switch {
	case st.Local || AffectsNoResult(st.Target):
		return nil
	case setsBack(st.Text):
		return []SessionChange{{st.Target, true}}
	case st.Target == "":
		return []SessionChange{{What: SomethingUnknown}}
	case st.Target == "session_authorization": // which determines the role too
		return []SessionChange{{What: st.Target}, {What: "role"}}
	}
	return []SessionChange{{What: st.Target}}
}

func changesByDiscard(text string) []SessionChange {
	discarded := discardedBy(text)
	switch {
	case discarded&ByPath != 0:
		return []SessionChange{{"discard all", true}}
	case discarded&ByTemporary != 0:
		return []SessionChange{{TemporaryRelations, true}}
	}
	return nil
}

// otherChange returns what a statement that is not about settings changes, or
// "".
func otherChange(st *Statement) string {
	switch st.Kind {
	case Execute:
		return SomethingUnknown
	case Do:
		if mayDoSettings(st.Text) {
			return SomethingUnknown
		}
	case DDL:
		switch st.Temporary() {
		case CreatesForCommit, DropsTemporary:
			return ""
		}
		if mentionsOne(st.Text, temporaryWords) {
			return TemporaryRelations
		}
	case Select:
		if st.MakesTemporary {
			return TemporaryRelations
		}
	case Explain:
		switch {
		case st.MakesTemporary:
			return TemporaryRelations
		case st.Runs != No && !st.TablesKnown && st.DDL == AnyDDL: // EXECUTE
			return SomethingUnknown
		}
	case Unrecognized:
		if st.Text != "" { // "" stands for a text that is rewritten
			return SomethingUnknown
		}
	}
	return ""
}

var temporaryWords = []string{"temp", "temporary", "pg_temp"}

// mentionsOne reports whether one of the names occurs in the text, outside of
// constants and comments.
func mentionsOne(text string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return mentionsName(text, name) })
}
