package db

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/sqltext"
)

// Rows that are left early must be read to their end before their connection
// can be used again: the protocol has no other way to end a result. Where many
// are left the server is asked to stop (PostgreSQL manual, "Canceling Requests
// in Progress"), what it has sent already is read, and its error is kept from
// the caller, who has what he wanted.
//
// A cancel that comes late would hit the connection's next statement. So its own
// connection is read to its end, which comes when the signal is sent; and where
// the result ended without having been cancelled, one round trip on the
// connection absorbs the signal.
//
// It is done for rows of the handle only: in a transaction the cancel would abort
// what the caller goes on with. And only for statements that change nothing: of
// others the caller may count on what they do to the last row.

// What is read at most before the server is asked to stop. A cancel costs the
// server a process, 2 to 50 ms, and while it starts what is in the buffers of the
// network is on its way all the same: 23,000 to 276,000 narrow rows in seven
// runs. Less than that is read quicker.
const (
	mostDrainedRows  = 50_000
	mostDrainedBytes = 4 << 20
)

const cancelTimeout = 5 * time.Second

// cutShort ends rows that may not have been read to their end.
func (r *rows) cutShort() {
	if r.drain() {
		return
	}
	conn := r.conn.Conn()
	s := stateOf(conn)
	if s == nil || s.tracked.InTx() || !idleAfter(s.tracked.Current()) || !r.drainUntilKnown(s) {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), cancelTimeout)
	defer stop()
	r.cut = true
	s.tracked.Cut()
	if err := conn.PgConn().CancelRequest(ctx); err != nil || ctx.Err() != nil {
		closeNow(conn) // when it will come, if at all, cannot be known
	}
	r.Rows.Close()
	if !isCancelled(r.Rows.Err()) {
		_ = conn.Ping(ctx) // a late cancel hits this
	}
}

// drain reads what is left of a small result, and reports whether that was all.
func (r *rows) drain() bool {
	for n, size := 0, 0; n < mostDrainedRows && size < mostDrainedBytes; n++ {
		if !r.Rows.Next() {
			return true
		}
		for _, value := range r.RawValues() {
			size += len(value)
		}
	}
	return false
}

// idleAfter reports whether the connection is outside of transactions once the
// statement has ended. It may be nil, for none.
func idleAfter(st *sqltext.Statement) bool { return st != nil && st.Count == 1 && !st.MayCommit() }

// drainUntilKnown reads on until it is known whether the statement changes
// something, and reports whether it is certain that it does not, so that nobody
// can tell where it was stopped. It does not wait for that: the server is asked
// on another connection, which may be had only once this one is given back.
func (r *rows) drainUntilKnown(s *connState) bool {
	readsOnly := s.tracked.ReadsOnly()
	for {
		if readOnly, known := readsOnly(); known {
			return readOnly
		}
		if r.drain() {
			return false
		}
	}
}

// closeNow closes a connection without waiting for the server.
func closeNow(conn *pgx.Conn) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = conn.Close(ctx)
}

const codeQueryCanceled = "57014"

func isCancelled(err error) bool {
	pgErr, ok := connecterror.Server(err)
	return ok && pgErr.Code == codeQueryCanceled
}
