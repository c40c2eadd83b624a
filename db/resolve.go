package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/changes"
	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/retry"
)

// A CommitUnknownError says that the answer to a COMMIT was lost, and that no
// server could be asked in time what became of the transaction, or one that
// cannot know. Err is how the answer was lost.
type CommitUnknownError struct {
	ID  string // of the transaction, as pg_xact_status takes it
	Err error
}

// Error says which transaction it is.
func (e *CommitUnknownError) Error() string {
	return fmt.Sprintf("db: it is not known whether transaction %s was committed: %v", e.ID, e.Err)
}

// Unwrap returns Err.
func (e *CommitUnknownError) Unwrap() error { return e.Err }

// An undoneError says that a transaction whose COMMIT was not answered was not
// committed, so that it may run again.
type undoneError struct{ err error }

func (e *undoneError) Error() string { return "the transaction was not committed: " + e.err.Error() }
func (e *undoneError) Unwrap() error { return e.err }

// A txID is what a transaction is found again by.
type txID struct {
	xid      string
	timeline string // of the server's log: after a failover xids may be another's
	crash    string // when the server's statistics began: after a crash xids that left no trace are used again
	database string // of the server, as changes.Tracker.AskServer returns it
}

// resolveTime is for how long a server is waited for that has to tell what
// became of a transaction.
const (
	resolveTime = 15 * time.Second
	resolvePoll = 20 * time.Millisecond
)

// isFinal reports whether the server refused to commit. When it ends a session
// it may have committed before: in that it waits for standbys.
func isFinal(err error) bool {
	pgErr, ok := connecterror.Server(err)
	return ok && pgErr.SeverityUnlocalized == "ERROR"
}

// placeColumns tell where an id means what it meant. Names of log files begin with
// the timeline. Statistics begin anew after a crash, and not after a shutdown
// (xlog.c, StartupXLOG).
const placeColumns = `
	pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8),
	(SELECT coalesce(stats_reset::pg_catalog.text, '') FROM pg_catalog.pg_stat_bgwriter)`

// idQuery gives the transaction an id.
const idQuery = changes.OwnMark + "SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text," + placeColumns

// beginKnown begins a transaction on conn and asks for its id, in the same round
// trip where it can: beside COMMIT the id would be lost with the answer. Which server this is
// is asked on conn too: for another connection there may be no room.
func (d *DB) beginKnown(ctx context.Context, conn *pgxpool.Conn, opts pgx.TxOptions) (tx pgx.Tx, id txID, err error) {
	if known := d.serverID.Load(); known != nil {
		id.database = *known
	} else {
		if id.database, err = d.tracker.AskServer(ctx, conn.Conn()); err != nil {
			return nil, id, fmt.Errorf("ask which server this is: %w", err)
		}
		d.serverID.Store(&id.database)
	}
	if d.tracker.LostNames() == 0 {
		tx, id, err = beginAndAsk(ctx, conn, opts, id)
		if !connecterror.LostStatementName(err) || !idle(conn.Conn()) {
			return tx, id, err
		}
	}
	// Batches are prepared, and pgx has no other way: behind such a pooler it takes two round trips.
	if tx, err = conn.BeginTx(ctx, opts); err != nil {
		return nil, id, err
	}
	if err = tx.QueryRow(ctx, idQuery, pgx.QueryExecModeExec).Scan(&id.xid, &id.timeline, &id.crash); err != nil {
		_ = tx.Rollback(ctx) // there is an error already
		return nil, id, err
	}
	return tx, id, nil
}

// beginAndAsk begins a transaction and asks for its id in one round trip.
func beginAndAsk(ctx context.Context, conn *pgxpool.Conn, opts pgx.TxOptions, known txID) (tx pgx.Tx, id txID, err error) {
	id = known
	batch := new(pgx.Batch)
	batch.BeginTx(opts)
	batch.Queue(idQuery).QueryRow(func(row pgx.Row) error { return row.Scan(&id.xid, &id.timeline, &id.crash) })
	results := conn.SendBatch(ctx, batch)
	tx = results.Tx()
	if err := results.Close(); err != nil {
		if tx != nil {
			_ = tx.Rollback(ctx) // there is an error already
		}
		return nil, id, err
	}
	return tx, id, nil
}

// resolve asks what became of a transaction until that is settled.
func (d *DB) resolve(ctx context.Context, id txID, lost error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), resolveTime) // the caller's end may be why the answer was lost
	defer cancel()
	for {
		status, err := d.statusOf(ctx, id)
		switch {
		case err != nil || status == xactRunning:
			if retry.Sleep(ctx, resolvePoll) != nil {
				return &CommitUnknownError{id.xid, lost}
			}
		case status == xactCommitted:
			return nil
		case status == xactAborted:
			return &undoneError{lost}
		default:
			return &CommitUnknownError{id.xid, lost}
		}
	}
}

// What pg_xact_status says, or "" for no more than that it cannot be told.
const (
	xactCommitted = "committed"
	xactAborted   = "aborted"
	xactRunning   = "in progress"
	xactUnknown   = ""
)

// statusOf returns what became of a transaction. An error means that no server
// could be asked.
func (d *DB) statusOf(ctx context.Context, id txID) (status string, err error) {
	now := id
	err = d.askAnywhere(ctx, func(ctx context.Context, conn *pgx.Conn) (err error) {
		if now.database, err = d.tracker.AskServer(ctx, conn); err != nil {
			return err
		}
		err = conn.QueryRow(ctx, "SELECT"+placeColumns, pgx.QueryExecModeExec).Scan(&now.timeline, &now.crash)
		if err == nil {
			status, err = xactStatus(ctx, conn, id.xid)
		}
		return err
	})
	switch {
	case err != nil:
		return xactUnknown, err
	case now.database != id.database:
		d.serverID.Store(&now.database) // another server stands there: for transactions to come
		return xactUnknown, err
	case now.timeline != id.timeline:
		return xactUnknown, err
	case status == xactCommitted && now.crash != id.crash:
		return xactUnknown, err // it may be another's, who was given the same id after the crash
	}
	return status, err
}

// askAnywhere runs fn on the examiner's connection, or, where there is no room for
// that, on one of the pool.
func (d *DB) askAnywhere(ctx context.Context, fn func(ctx context.Context, conn *pgx.Conn) error) error {
	asked := false
	err := d.tracker.OnExaminer(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		asked = true
		return fn(ctx, conn)
	})
	if err == nil || asked {
		return err
	}
	conn, _, acquireErr := d.acquire(ctx)
	if acquireErr != nil {
		return errors.Join(err, acquireErr)
	}
	defer release(conn)
	return fn(ctx, conn.Conn())
}

// xactStatus returns what pg_xact_status says. An id that is still to come was
// given out before a crash, and nothing of its transaction was left.
func xactStatus(ctx context.Context, conn *pgx.Conn, xid string) (status string, err error) {
	const query = "SELECT coalesce(pg_catalog.pg_xact_status($1::pg_catalog.text::pg_catalog.xid8), '')"
	err = conn.QueryRow(ctx, query, pgx.QueryExecModeExec, xid).Scan(&status)
	if pgErr, ok := connecterror.Server(err); ok && pgErr.Code == codeInvalidParameterValue {
		return xactAborted, nil
	}
	return status, err
}

const codeInvalidParameterValue = "22023"
