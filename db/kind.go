package db

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/sqltext"
)

// names is a set of what decides which relations the names in statements stand
// for, and which of them may be used.
type names uint8

const (
	byPath          names = 1 << iota // search_path
	byRole                            // role
	byAuthorization                   // session_authorization
	byTemporary                       // a temporary relation hides a permanent one of its name
	byTable                           // the same, and it is a table to which writing runs no code
)

// A settled tells what a statement does to the names on its connection.
type settled struct {
	moves  names // to something that is not known
	local  bool  // until the transaction ends
	resets names // to what they are on a new connection
}

// settings tells what the statement does to the names on its connection.
// Functions of the program's own that set search_path are not seen.
func (t *Text) settings() settled { return settingsOf(t.st) }

func settingsOf(st *sqltext.Statement) settled {
	if s := movedByConfigs(st); s.moves != 0 {
		return s
	}
	switch st.Kind {
	case sqltext.Select, sqltext.Explain: // SELECT INTO, EXPLAIN ANALYZE CREATE TABLE AS
		if st.MakesTemporary {
			return settled{moves: byTemporary}
		}
	case sqltext.Set:
		return settled{moves: movedBy(st.Target), local: st.Local}
	case sqltext.Reset:
		return settled{resets: resetBy(st.Target)}
	case sqltext.Discard:
		return settled{resets: discardedBy(st.Text)}
	case sqltext.Prepare: // for EXECUTE
		if mentions(st.Text, "set_config") {
			return settled{moves: byPath | byRole | byAuthorization}
		}
	case sqltext.DDL:
		switch st.Temporary() {
		case sqltext.CreatesTemporary:
			return settled{moves: byTable}
		case sqltext.CreatesForCommit:
			return settled{moves: byTable, local: true}
		case sqltext.DropsTemporary:
			return settled{}
		}
		if makesTemporary(st.Text) {
			return settled{moves: byTemporary}
		}
	}
	return settled{}
}

// movedByConfigs tells what the statement's calls of set_config do to the names.
func movedByConfigs(st *sqltext.Statement) settled {
	if !callsSetConfig(st) || st.Kind == sqltext.Prepare {
		return settled{}
	}
	list, ok := configsIn(st)
	if !ok {
		return settled{moves: byPath | byRole | byAuthorization}
	}
	s := settled{local: true}
	for _, c := range list {
		if moves := movedBy(c.setting); moves != 0 {
			s.moves |= moves
			s.local = s.local && c.local
		}
	}
	return s
}

func callsSetConfig(st *sqltext.Statement) bool {
	return slices.ContainsFunc(st.Calls, func(fn sqltext.Function) bool { return fn.Name == "set_config" })
}

// movedBy tells what a setting decides.
func movedBy(setting string) names {
	switch setting {
	case "search_path":
		return byPath
	case "role":
		return byRole
	case "session_authorization":
		return byAuthorization
	}
	return 0
}

// resetBy tells what RESET sets back. RESET ALL leaves the role (guc_tables.c,
// GUC_NO_RESET_ALL); that of the session's user sets back both.
func resetBy(setting string) names {
	switch setting {
	case "all":
		return byPath
	case "session_authorization":
		return byRole | byAuthorization
	}
	return movedBy(setting)
}

func discardedBy(text string) names {
	switch {
	case mentions(text, "all"):
		return byPath | byRole | byAuthorization | byTemporary | byTable
	case mentions(text, "temp"), mentions(text, "temporary"):
		return byTemporary | byTable
	}
	return 0
}

// makesTemporary reports whether DDL may make a temporary relation. A view
// over one is temporary without a word.
func makesTemporary(text string) bool {
	return mentions(text, "create") &&
		(mentions(text, "temp") || mentions(text, "temporary") || mentions(text, "pg_temp") || mentions(text, "view"))
}

// mayAttach reports whether the statement may give code to a temporary table that
// is run when that is written to.
func mayAttach(st *statement) bool {
	switch st.st.Kind {
	case sqltext.DDL:
		return st.st.Temporary() == sqltext.NotTemporary
	case sqltext.Do, sqltext.Call, sqltext.Unrecognized:
		return true
	}
	return false
}

// mentions reports whether a name is in the text, outside of constants.
func mentions(text, name string) bool {
	for l := sqltext.NewLexer(text); ; {
		token, ok := l.Next()
		if !ok {
			return l.Err() != nil // then it may be
		}
		if isName(token) && strings.EqualFold(strings.Trim(text[token.Pos:token.End], `"`), name) {
			return true
		}
	}
}

func isName(token sqltext.Token) bool {
	return token.Kind == sqltext.Word || token.Kind == sqltext.QuotedName
}

// mayWrite reports whether a statement of its kind may change rows or the
// schema. FETCH runs what DECLARE has begun, and that counts. REINDEX runs event
// triggers, from PostgreSQL 17 on.
func mayWrite(st *statement) bool {
	switch st.st.Kind {
	case sqltext.Empty, sqltext.Begin, sqltext.Commit, sqltext.Rollback, sqltext.Savepoint,
		sqltext.RollbackTo, sqltext.Release, sqltext.PrepareTransaction, sqltext.RollbackPrepared,
		sqltext.Set, sqltext.Reset, sqltext.Show, sqltext.Discard, sqltext.Listen, sqltext.Unlisten, sqltext.Notify,
		sqltext.Prepare, sqltext.Deallocate, sqltext.Fetch, sqltext.Close, sqltext.Lock:
		return false
	}
	return true
}

// readsRows reports whether a statement that only reads runs a query.
func readsRows(st *statement) bool {
	switch st.st.Kind {
	case sqltext.Select, sqltext.Values, sqltext.TableQuery, sqltext.CopyTo, sqltext.Explain:
		return true
	}
	return false
}

// endsTransactions reports whether the statement may commit on its way, so
// that its failure does not mean that nothing was done.
func (t *Text) endsTransactions() bool {
	switch t.st.Kind {
	case sqltext.Select, sqltext.Values, sqltext.TableQuery, sqltext.Insert, sqltext.Update, sqltext.Delete,
		sqltext.Merge, sqltext.CopyFrom, sqltext.CopyTo, sqltext.Truncate, sqltext.Explain,
		sqltext.Empty, sqltext.Savepoint, sqltext.RollbackTo, sqltext.Release,
		sqltext.Set, sqltext.Reset, sqltext.Show, sqltext.Listen, sqltext.Unlisten, sqltext.Notify,
		sqltext.Prepare, sqltext.Deallocate, sqltext.Declare, sqltext.Fetch, sqltext.Close, sqltext.Lock:
		return false
	}
	return true
}

// mayChangeSchema reports whether what is known of statements' effects may be
// out of date once the statement is committed.
func (t *Text) mayChangeSchema() bool {
	switch t.st.Kind {
	case sqltext.Select, sqltext.Values, sqltext.TableQuery, sqltext.Insert, sqltext.Update, sqltext.Delete,
		sqltext.Merge, sqltext.CopyFrom, sqltext.CopyTo, sqltext.Truncate, sqltext.Explain, sqltext.Declare:
		return t.st.DDL != sqltext.AnyDDL // SELECT INTO, EXPLAIN ANALYZE CREATE TABLE AS
	case sqltext.Maintain:
		return false
	case sqltext.DDL:
		return t.st.Temporary() == sqltext.NotTemporary
	}
	return true
}

// checkSingle returns an error unless the text is one statement. A text that
// cannot be taken apart is let pass: the server decides.
func (t *Text) checkSingle() error {
	switch {
	case !t.Lexed() || t.st.Count == 1:
		return nil
	case t.st.Count == 0:
		return errors.New("the text holds no statement")
	}
	return fmt.Errorf("the text holds %d statements, want one", t.st.Count)
}
