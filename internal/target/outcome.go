package target

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/connecterror"
)

// ErrOutcomeUnknown is batchinsert.ErrOutcomeUnknown.
var ErrOutcomeUnknown = errors.New("batchinsert: whether the rows were written is not known")

// An unknownOutcomeError is the error of a write that may have taken effect.
type unknownOutcomeError struct{ cause error }

func (e *unknownOutcomeError) Error() string {
	return "whether the rows were written is not known: " + e.cause.Error()
}
func (e *unknownOutcomeError) Unwrap() error        { return e.cause }
func (e *unknownOutcomeError) Is(target error) bool { return target == ErrOutcomeUnknown }

// OutcomeUnknown returns an ErrOutcomeUnknown with this cause.
func OutcomeUnknown(cause error) error {
	if errors.Is(cause, ErrOutcomeUnknown) {
		return cause
	}
	return &unknownOutcomeError{cause}
}

// commitError returns the error of a COMMIT, or of a statement that commits by
// itself, as an ErrOutcomeUnknown unless it proves that nothing was committed.
func commitError(err error) error {
	pgErr, answered := errors.AsType[*pgconn.PgError](err)
	switch {
	case err == nil, errors.Is(err, pgx.ErrTxCommitRollback), connecterror.NeverSent(err):
		return err
	case answered && pgErr.SeverityUnlocalized == "ERROR": // an error that ends the session may follow a commit
		return err
	}
	return OutcomeUnknown(err)
}

// WriteTx is [InTx] for fn that writes rows: the error of a commit that may have
// taken effect wraps ErrOutcomeUnknown. The outcome of a transaction of the
// caller's is the caller's.
func WriteTx(ctx context.Context, w Beginner, fn func(tx pgx.Tx) error) error {
	if _, callers := w.(pgx.Tx); callers {
		return InTx(ctx, w, fn)
	}
	tx, err := w.Begin(ctx)
	if err != nil {
		return err
	}
	ended := false
	defer func() {
		if !ended {
			_ = tx.Rollback(ctx) // if it fails, the connection is broken
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	ended = true
	return commitError(tx.Commit(ctx))
}

// Write runs fn, which runs one statement that writes rows. If that commits by
// itself, its error is treated as that of a commit.
func Write(q Statements, fn func() error) error {
	conn, isConn := q.(*pgx.Conn)
	commits := isConn && conn.PgConn().TxStatus() == 'I'
	err := fn()
	if commits {
		return commitError(err)
	}
	return err
}
