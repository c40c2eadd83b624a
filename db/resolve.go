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

// A CommitUnknownError reports that the response to a COMMIT was lost and that
// the outcome of the transaction could not be determined in time. Err is the
// error that lost the response.
type CommitUnknownError struct {
	ID  string // the transaction id, as pg_xact_status takes it
	Err error
}

// Error names the transaction.
func (e *CommitUnknownError) Error() string {
	return fmt.Sprintf("db: commit transaction %s: outcome unknown: %v", e.ID, e.Err)
}

// Unwrap returns Err.
func (e *CommitUnknownError) Unwrap() error { return e.Err }

// An undoneError reports that a transaction whose COMMIT got no response was
// not committed, so that it may be retried.
type undoneError struct{ err error }

func (e *undoneError) Error() string { return "the transaction was not committed: " + e.err.Error() }
func (e *undoneError) Unwrap() error { return e.err }

// A txID identifies a transaction across connections and restarts.
type txID struct {
	xid      string
	timeline string // of the server's log: after a failover another transaction may have the xid
	crash    string // when the server's statistics began: after a crash the server reuses xids that left no trace
	database string // server and database, as changes.Tracker.AskServer returns them
}

// resolveTimeout bounds the wait for a server that has to report the outcome of
// a transaction.
const (
	resolveTimeout = 15 * time.Second
	resolvePoll    = 20 * time.Millisecond
)

// isFinal reports whether the server refused to commit. A server that ends the
// session may have committed before, while it waited for standbys.
func isFinal(err error) bool {
	pgErr, ok := connecterror.Server(err)
	return ok && pgErr.SeverityUnlocalized == "ERROR"
}

// placeColumns identify the log in which a transaction id is valid. Names of
// log files begin with the timeline. The statistics are reset after a crash and
// kept after a shutdown (xlog.c, StartupXLOG).
const placeColumns = `
	pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8),
	(SELECT coalesce(stats_reset::pg_catalog.text, '') FROM pg_catalog.pg_stat_bgwriter)`

// idQuery assigns the transaction an id and returns it.
const idQuery = changes.OwnMark + "SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text," + placeColumns

// beginWithID begins a transaction on conn and asks for its id, in the same
// round trip where possible: asked together with COMMIT, the id would be lost
// with the response. The identity of the server is asked on conn too, since the
// server may have no room for another connection.
func (d *DB) beginWithID(ctx context.Context, conn *pgxpool.Conn, opts pgx.TxOptions) (tx pgx.Tx, id txID, err error) {
	if known := d.serverID.Load(); known != nil {
		id.database = *known
	} else {
		if id.database, err = d.tracker.AskServer(ctx, conn.Conn()); err != nil {
			return nil, id, fmt.Errorf("identify the server: %w", err)
		}
		d.serverID.Store(&id.database)
	}
	if d.tracker.LostNames() == 0 {
		tx, id, err = beginAndAsk(ctx, conn, opts, id)
		if !connecterror.LostStatementName(err) || !idle(conn.Conn()) {
			return tx, id, err
		}
	}
	// pgx always prepares batches: behind such a pooler this takes two round
	// trips.
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

// resolve asks for the outcome of a transaction until it is known or
// resolveTimeout has passed.
func (d *DB) resolve(ctx context.Context, id txID, lost error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), resolveTimeout) // the response may be lost because ctx ended
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

// Results of pg_xact_status; "" where the outcome cannot be determined.
const (
	xactCommitted = "committed"
	xactAborted   = "aborted"
	xactRunning   = "in progress"
	xactUnknown   = ""
)

// statusOf returns the outcome of a transaction. It returns an error if no
// server could be asked.
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
		d.serverID.Store(&now.database) // another server: for later transactions
		return xactUnknown, err
	case now.timeline != id.timeline:
		return xactUnknown, err
	case status == xactCommitted && now.crash != id.crash:
		return xactUnknown, err // another transaction may have been given the same id after the crash
	}
	return status, err
}

// askAnywhere runs fn on the examiner's connection, or on one of the pool where
// the server has no room for that.
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

// xactStatus returns the result of pg_xact_status. An id in the future was
// assigned before a crash, and its transaction left no trace.
func xactStatus(ctx context.Context, conn *pgx.Conn, xid string) (status string, err error) {
	const query = "SELECT coalesce(pg_catalog.pg_xact_status($1::pg_catalog.text::pg_catalog.xid8), '')"
	err = conn.QueryRow(ctx, query, pgx.QueryExecModeExec, xid).Scan(&status)
	if pgErr, ok := connecterror.Server(err); ok && pgErr.Code == codeInvalidParameterValue {
		return xactAborted, nil
	}
	return status, err
}

const codeInvalidParameterValue = "22023"
