package sqltext

// statement reads one statement of any kind, as far as it can be followed.
func (a *analysis) statement() {
	a.st.Kind = a.kindOf()
	switch a.st.Kind {
	case Select, Values, TableQuery, Insert, Update, Delete, Merge:
		a.query()
	case CopyFrom, CopyTo:
		a.copy()
	case Truncate:
		a.truncate()
	case Explain:
		a.explain()
	case Declare:
		a.declare()
	case Show:
		a.setting(1)
	case DDL:
		a.writes = true
		a.ddl()
		a.opaque()
	case Call:
		a.writes = true
		a.step(1)
		a.expression(nil)
		a.opaque()
	case Do:
		a.writes = true
		a.opaque()
	case Execute:
		a.step(2)
		a.expression(nil)
		a.opaque()
	case Fetch, Unrecognized: // runs the declared query, or is unknown
		a.opaque()
	default: // transactions, sessions, maintenance
		a.writes = true
		a.session()
		a.i = len(a.items)
	}
}

// opaque skips the rest of a statement that does more than the text shows.
func (a *analysis) opaque() {
	a.markUnclear()
	a.i = len(a.items)
}

// kindOf returns a statement's kind by its first words.
func (a *analysis) kindOf() StatementKind {
	if kind := a.queryKind(); kind != Unrecognized {
		return kind
	}
	switch a.key(0) {
	case kwWith:
		return Select // until the WITH clause has been read
	case kwCopy:
		return a.copyDirection()
	case kwTruncate:
		return Truncate
	case kwExplain:
		return Explain
	case kwCall:
		return Call
	case kwDo:
		return Do
	case kwCreate, kwAlter, kwDrop, kwGrant, kwRevoke, kwComment, kwSecurity, kwReassign, kwRefresh, kwImport:
		return DDL
	}
	if kind := a.transactionKind(); kind != Unrecognized {
		return kind
	}
	return a.sessionKind()
}

// queryKind returns the kind of queries and data-modifying statements by their
// first word, except WITH.
func (a *analysis) queryKind() StatementKind {
	switch a.key(0) {
	case kwSelect, '(':
		return Select
	case kwValues:
		return Values
	case kwTable:
		return TableQuery
	case kwInsert:
		return Insert
	case kwUpdate:
		return Update
	case kwDelete:
		return Delete
	case kwMerge:
		return Merge
	}
	return Unrecognized
}

func (a *analysis) transactionKind() StatementKind {
	switch a.key(0) {
	case kwBegin, kwStart:
		return Begin
	case kwCommit, kwEnd:
		if a.key(1) == kwPrepared {
			return CommitPrepared
		}
		return Commit
	case kwRollback, kwAbort:
		if a.key(1) == kwPrepared {
			return RollbackPrepared
		}
		if a.key(1) == kwTo || a.key(2) == kwTo {
			return RollbackTo
		}
		return Rollback
	case kwSavepoint:
		return Savepoint
	case kwRelease:
		return Release
	case kwPrepare:
		if a.key(1) == kwTransaction {
			return PrepareTransaction
		}
		return Prepare
	}
	return Unrecognized
}

var sessionKinds = map[keyword]StatementKind{
	kwSet: Set, kwShow: Show, kwReset: Reset, kwDiscard: Discard,
	kwListen: Listen, kwNotify: Notify, kwUnlisten: Unlisten,
	kwExecute: Execute, kwDeallocate: Deallocate,
	kwDeclare: Declare, kwFetch: Fetch, kwMove: Fetch, kwClose: Close, kwLock: Lock,
	kwVacuum: Maintain, kwAnalyze: Maintain, kwAnalyse: Maintain, kwCluster: Maintain,
	kwReindex: Maintain, kwCheckpoint: Maintain, kwLoad: Maintain,
}

func (a *analysis) sessionKind() StatementKind { return sessionKinds[a.key(0)] }

// session reads the name that a transaction or session statement acts on.
func (a *analysis) session() {
	st := a.st
	switch st.Kind {
	case Savepoint:
		a.step(1)
		a.targetName()
	case Release:
		a.step(1)
		a.accept(kwSavepoint)
		a.targetName()
	case RollbackTo:
		a.step(1)
		a.acceptAny(kwWork, kwTransaction)
		a.accept(kwTo)
		a.accept(kwSavepoint)
		a.targetName()
	case PrepareTransaction, CommitPrepared, RollbackPrepared:
		a.step(2)
		a.targetName()
	case Listen, Notify, Unlisten:
		a.step(1)
		a.targetName()
	case Set:
		a.step(1)
		st.Local = a.accept(kwLocal)
		a.setting(0)
		st.Local = st.Local || st.Target == "transaction" || st.Target == "constraints"
	case Prepare:
		a.prepare()
	case Reset:
		a.setting(1)
	case Commit, Rollback:
		a.step(1)
		a.acceptAny(kwWork, kwTransaction)
		st.Chain = a.accept(kwAnd, kwChain)
	}
}

// targetName stores a name, or a string without escapes, as the target.
func (a *analysis) targetName() {
	switch a.kind(0) {
	case Word, QuotedName:
		a.st.Target = a.spelling()
	case String:
		a.st.Target = plainString(a.word(a.items[a.i]))
	case Operator: // UNLISTEN *
		a.st.Target = "*"
	}
}
