package db

import "github.com/jackc/pgx/v5"

// A statement that failed only because of how it was prepared has not run,
// and is run again once, outside of transactions:
//
//   - 0A000 from RevalidateCachedQuery, "cached plan must not change result
//     type": a migration changed what the statement returns after this
//     connection had prepared it. pgx has forgotten the statement by the time
//     its error is out, so the second run prepares it afresh.
//   - 26000 and 42P05: a pooler in between moved the session to another
//     server connection, where the statement's name is unknown or taken
//     (PgBouncer in transaction mode before 1.21). The second run names none.
//
// Inside a transaction the error has aborted the transaction; InTx runs the
// whole of it again.

const (
	codeFeatureNotSupported     = "0A000"
	codeUnknownStatementName    = "26000"
	codeDuplicatePreparedStmt   = "42P05"
	codeSerializationFailure    = "40001"
	codeDeadlockDetected        = "40P01"
	routineRevalidateCachedPlan = "RevalidateCachedQuery"
)

// stalePlan reports the first of the two cases above.
func stalePlan(err error) bool {
	pgErr, ok := asPgError(err)
	return ok && pgErr.Code == codeFeatureNotSupported && pgErr.Routine == routineRevalidateCachedPlan
}

// lostStatementName reports the second of the two cases above.
func lostStatementName(err error) bool {
	pgErr, ok := asPgError(err)
	return ok && (pgErr.Code == codeUnknownStatementName || pgErr.Code == codeDuplicatePreparedStmt)
}

// argsForAnotherRun tells whether a statement that failed with err outside a
// transaction is to be run again, and with which arguments.
func (d *DB) argsForAnotherRun(err error, args []any) ([]any, bool) {
	switch {
	case err == nil:
		return nil, false
	case stalePlan(err):
		return args, true
	case lostStatementName(err):
		d.lostNames.note(d.opts.Logger)
		return append([]any{pgx.QueryExecModeExec}, args...), true
	}
	return nil, false
}
