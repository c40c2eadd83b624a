package db

import (
	"errors"
	"fmt"

	"github.com/headrace/headrace/internal/sqltext"
)

// settingsScope tells for how long a statement changes what unqualified names
// mean on its connection.
type settingsScope uint8

const (
	settingsNone settingsScope = iota
	settingsTransaction
	settingsSession
)

// settings tells whether the statement may set search_path or the role.
// Functions of the program's own that do so are not seen.
func (t *Text) settings() settingsScope { return settingsOf(t.st) }

func settingsOf(st *sqltext.Statement) settingsScope {
	for _, fn := range st.Calls {
		if fn.Name == "set_config" {
			return settingsSession
		}
	}
	switch st.Kind {
	case sqltext.Set, sqltext.Reset:
		switch {
		case !movesNames(st.Target):
			return settingsNone
		case st.Local:
			return settingsTransaction
		}
		return settingsSession
	case sqltext.Discard, sqltext.Execute:
		return settingsSession
	case sqltext.Several:
		scope := settingsNone
		for _, one := range sqltext.Statements(st.Text) {
			scope = max(scope, settingsOf(one))
		}
		return scope
	}
	return settingsNone
}

// movesNames reports whether a setting decides which tables names mean.
func movesNames(setting string) bool {
	switch setting {
	case "search_path", "role", "session_authorization", "all":
		return true
	}
	return false
}

// mayWrite reports whether the statement may change rows or the schema. No is
// certain.
func mayWrite(st *statement) bool {
	if st.st.ReadOnly == sqltext.Yes {
		return false
	}
	switch st.st.Kind {
	case sqltext.Empty, sqltext.Begin, sqltext.Commit, sqltext.Rollback, sqltext.Savepoint,
		sqltext.RollbackTo, sqltext.Release, sqltext.PrepareTransaction, sqltext.RollbackPrepared,
		sqltext.Set, sqltext.Reset, sqltext.Show, sqltext.Discard, sqltext.Listen, sqltext.Unlisten, sqltext.Notify,
		sqltext.Prepare, sqltext.Deallocate, sqltext.Close, sqltext.Lock, sqltext.Maintain:
		return false
	}
	return true
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
