package db

import (
	"errors"
	"fmt"
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
	for _, fn := range st.Calls {
		if fn.Name == "set_config" && !configIsLiteral(st.Text, decidesNoNames) {
			return settled{moves: byPath | byRole | byAuthorization}
		}
	}
	switch st.Kind {
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

// configIsLiteral reports whether each set_config in the text names its
// setting by a constant, and each of these is harmless.
func configIsLiteral(text string, harmless func(setting string) bool) bool {
	found := false
	var before [2]string // the tokens before
	for l := sqltext.NewLexer(text); ; {
		token, ok := l.Next()
		if !ok {
			return found && l.Err() == nil
		}
		if token.Kind == sqltext.Space || token.Kind == sqltext.Comment {
			continue
		}
		word := text[token.Pos:token.End]
		if strings.EqualFold(strings.Trim(before[0], `"`), "set_config") && before[1] == "(" {
			if token.Kind != sqltext.String || !isPlain(word) || !harmless(strings.ToLower(strings.Trim(word, "'"))) {
				return false
			}
			found = true
		}
		before[0], before[1] = before[1], word
	}
}

// isPlain reports whether a constant is written without prefix (E”, U&”) and
// is no more than its letters.
func isPlain(constant string) bool {
	return constant[0] == '\'' && !strings.ContainsAny(strings.Trim(constant, "'"), "' \n\\")
}

func decidesNoNames(setting string) bool { return movedBy(setting) == 0 }

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
		sqltext.Merge, sqltext.CopyFrom, sqltext.CopyTo, sqltext.Truncate, sqltext.Explain:
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
