package sqltext

import "slices"

// MayWrite reports whether a statement of this kind may change rows or the
// schema. FETCH runs the query of DECLARE, which counts instead. REINDEX runs
// event triggers, from PostgreSQL 17 on.
func (st *Statement) MayWrite() bool {
	switch st.Kind {
	case Empty, Begin, Commit, Rollback, Savepoint,
		RollbackTo, Release, PrepareTransaction, RollbackPrepared,
		Set, Reset, Show, Discard, Listen, Unlisten, Notify,
		Prepare, Deallocate, Fetch, Close, Lock:
		return false
	}
	return true
}

// RunsQuery reports whether a read-only statement runs a query.
func (st *Statement) RunsQuery() bool {
	switch st.Kind {
	case Select, Values, TableQuery, CopyTo, Explain:
		return true
	}
	return false
}

// MayCommit reports whether the statement may commit while it runs, so that its
// failure does not imply that it had no effect.
func (st *Statement) MayCommit() bool {
	switch st.Kind {
	case Select, Values, TableQuery, Insert, Update, Delete,
		Merge, CopyFrom, CopyTo, Truncate, Explain,
		Empty, Savepoint, RollbackTo, Release,
		Set, Reset, Show, Listen, Unlisten, Notify,
		Prepare, Deallocate, Declare, Fetch, Close, Lock:
		return false
	}
	return true
}

// MayAttachTrigger reports whether the statement may add code to a temporary
// table that runs when the table is written to.
func (st *Statement) MayAttachTrigger() bool {
	switch st.Kind {
	case DDL:
		return st.Temporary() == NotTemporary
	case Do, Call, Unrecognized:
		return true
	}
	return false
}

// MayChangeSchema reports whether the known effects of statements may be out of
// date once the statement is committed.
func (st *Statement) MayChangeSchema() bool {
	switch st.Kind {
	case Select, Values, TableQuery, Insert, Update, Delete,
		Merge, CopyFrom, CopyTo, Truncate, Explain, Declare:
		return st.DDL != AnyDDL // SELECT INTO, EXPLAIN ANALYZE CREATE TABLE AS
	case Maintain:
		return false
	case DDL:
		return st.Temporary() == NotTemporary
	}
	return true
}

// EndsTransaction reports whether the statement, if it succeeds, ends a
// transaction block.
func (st *Statement) EndsTransaction() bool {
	switch st.Kind {
	case Commit, Rollback, PrepareTransaction:
		return true
	}
	return false
}

// IsSavepoint reports whether the statement sets, releases or rolls back to a
// savepoint.
func (st *Statement) IsSavepoint() bool {
	switch st.Kind {
	case Savepoint, RollbackTo, Release:
		return true
	}
	return false
}

// DropsPrepared reports whether the statement drops prepared statements of its
// session.
func (st *Statement) DropsPrepared() bool {
	switch st.Kind {
	case Several:
		return slices.ContainsFunc(Statements(st.Text), (*Statement).DropsPrepared)
	case Deallocate:
		return true
	case Discard:
		return discardedBy(st.Text)&ByPath != 0
	}
	return false
}
