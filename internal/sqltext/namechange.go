package sqltext

import (
	"slices"
	"strings"
)

// NameFactors is a set of the factors that determine which relations the names
// in statements resolve to, and which of them may be used.
type NameFactors uint8

// What decides.
const (
	ByPath          NameFactors = 1 << iota // search_path
	ByRole                                  // role
	ByAuthorization                         // session_authorization
	ByTemporary                             // a temporary relation hides a permanent one of its name
	ByTable                                 // the same, if the relation is a table and writing to it runs no code
)

// A NameChange describes how a statement changes the resolution of names on its
// connection.
type NameChange struct {
	Moves  NameFactors // factors set to an unknown value
	Local  bool        // Moves lasts until the transaction ends
	Resets NameFactors // factors reset to their value on a new connection
}

// NameChange returns how the statement changes the resolution of names on its
// connection. It does not see user-defined functions that set search_path.
func (st *Statement) NameChange() NameChange {
	if s := movedByConfigs(st); s.Moves != 0 {
		return s
	}
	switch st.Kind {
	case Select, Explain: // SELECT INTO, EXPLAIN ANALYZE CREATE TABLE AS
		if st.MakesTemporary {
			return NameChange{Moves: ByTemporary}
		}
	case Set:
		return NameChange{Moves: movedBy(st.Target), Local: st.Local}
	case Reset:
		return NameChange{Resets: resetBy(st.Target)}
	case Discard:
		return NameChange{Resets: discardedBy(st.Text)}
	case Prepare: // a later EXECUTE may run it
		if mentionsName(st.Text, "set_config") {
			return NameChange{Moves: ByPath | ByRole | ByAuthorization}
		}
	case DDL:
		switch st.Temporary() {
		case CreatesTemporary:
			return NameChange{Moves: ByTable}
		case CreatesForCommit:
			return NameChange{Moves: ByTable, Local: true}
		case DropsTemporary:
			return NameChange{}
		}
		if makesTemporary(st.Text) {
			return NameChange{Moves: ByTemporary}
		}
	}
	return NameChange{}
}

// movedByConfigs returns the name change of the statement's calls of
// set_config.
func movedByConfigs(st *Statement) NameChange {
	if !callsSetConfig(st) || st.Kind == Prepare {
		return NameChange{}
	}
	list, ok := configsIn(st)
	if !ok {
		return NameChange{Moves: ByPath | ByRole | ByAuthorization}
	}
	s := NameChange{Local: true}
	for _, c := range list {
		if moves := movedBy(c.setting); moves != 0 {
			s.Moves |= moves
			s.Local = s.Local && c.local
		}
	}
	return s
}

func callsSetConfig(st *Statement) bool {
	return slices.ContainsFunc(st.Calls, func(fn Function) bool { return fn.Name == "set_config" })
}

// movedBy returns the factors that a setting determines.
func movedBy(setting string) NameFactors {
	switch setting {
	case "search_path":
		return ByPath
	case "role":
		return ByRole
	case "session_authorization":
		return ByAuthorization
	}
	return 0
}

// resetBy returns the factors that RESET resets. RESET ALL keeps the role
// (guc_tables.c, GUC_NO_RESET_ALL); resetting the session's user resets both.
func resetBy(setting string) NameFactors {
	switch setting {
	case "all":
		return ByPath
	case "session_authorization":
		return ByRole | ByAuthorization
	}
	return movedBy(setting)
}

func discardedBy(text string) NameFactors {
	switch {
	case mentionsName(text, "all"):
		return ByPath | ByRole | ByAuthorization | ByTemporary | ByTable
	case mentionsName(text, "temp"), mentionsName(text, "temporary"):
		return ByTemporary | ByTable
	}
	return 0
}

// makesTemporary reports whether DDL may create a temporary relation. A view
// over one is temporary without the word.
func makesTemporary(text string) bool {
	return mentionsName(text, "create") &&
		(mentionsName(text, "temp") || mentionsName(text, "temporary") || mentionsName(text, "pg_temp") || mentionsName(text, "view"))
}

// mentionsName reports whether a name occurs in the text, outside of constants.
func mentionsName(text, name string) bool {
	for l := NewLexer(text); ; {
		token, ok := l.Next()
		if !ok {
			return l.Err() != nil // an unreadable rest may contain it
		}
		if isNameToken(token) && strings.EqualFold(strings.Trim(text[token.Pos:token.End], `"`), name) {
			return true
		}
	}
}

func isNameToken(token Token) bool {
	return token.Kind == Word || token.Kind == QuotedName
}
