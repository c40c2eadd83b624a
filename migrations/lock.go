package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3/lock"
)

// pollEvery is the interval at which a waiter tries to take the lock; goose's
// locker supports whole seconds only.
const pollEvery = time.Second

// A locker is goose's session lock if the connection leads to the server
// itself, and an open transaction with a lock behind a pooler. It serves one
// call at a time, as goose's provider guarantees.
type locker struct {
	session lock.SessionLocker
	pool    *pgxpool.Pool
	id      int64
	held    pgx.Tx // the transaction that holds the lock behind a pooler
}

func newLocker(pool *pgxpool.Pool, id int64) (*locker, error) {
	session, err := lock.NewPostgresSessionLocker(
		lock.WithLockID(id),
		// Only the context ends the wait.
		lock.WithLockTimeout(uint64(pollEvery/time.Second), math.MaxUint64),
	)
	if err != nil {
		return nil, fmt.Errorf("create migration lock: %w", err)
	}
	return &locker{session: session, pool: pool, id: id}, nil
}

// SessionLock implements goose's lock.SessionLocker.
func (l *locker) SessionLock(ctx context.Context, conn *sql.Conn) error {
	direct, err := isDirect(ctx, conn)
	if err == nil && direct {
		err = l.session.SessionLock(ctx, conn)
	} else if err == nil {
		err = l.hold(ctx)
	}
	if err != nil {
		return fmt.Errorf("wait for migration lock %d: %w", l.id, err)
	}
	return nil
}

// SessionUnlock implements goose's lock.SessionLocker. If the session has
// ended, the server has released its lock, and there is nothing to unlock.
func (l *locker) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	if l.held != nil {
		return l.release(ctx)
	}
	gone := false
	err := conn.Raw(func(c any) error {
		gone = c.(*stdlib.Conn).Conn().IsClosed()
		return nil
	})
	if gone || errors.Is(err, sql.ErrConnDone) {
		return nil
	}
	return l.session.SessionUnlock(ctx, conn)
}

// isDirect reports whether conn leads to its backend without a pooler that
// could give it another: a pooler invents the process id that it reports to
// clients.
func isDirect(ctx context.Context, conn *sql.Conn) (bool, error) {
	var told uint32
	err := conn.Raw(func(c any) error {
		told = c.(*stdlib.Conn).Conn().PgConn().PID()
		return nil
	})
	if err != nil {
		return false, err
	}
	var actual uint32
	if err := conn.QueryRowContext(ctx, `SELECT pg_backend_pid()`).Scan(&actual); err != nil {
		return false, err
	}
	return told == actual, nil
}

// hold waits for the lock in a transaction of its own. Each attempt uses a new
// transaction, so that none stays open during the wait.
func (l *locker) hold(ctx context.Context) error {
	if n := l.pool.Config().MaxConns; n < 2 {
		return errors.New("behind a pooler the pool needs 2 connections, one of them for the lock: its MaxConns is 1")
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		tx, err := l.tryHold(ctx)
		if err != nil {
			return err
		}
		if tx != nil {
			l.held = tx
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// tryHold returns the transaction that got the lock, or nil if the lock is
// taken.
func (l *locker) tryHold(ctx context.Context) (_ pgx.Tx, err error) {
	tx, err := l.pool.Begin(ctx)
	if err != nil {
		return nil, err
	}
	got := false
	defer func() {
		if !got || err != nil {
			_ = tx.Rollback(context.WithoutCancel(ctx))
		}
	}()
	if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, l.id).Scan(&got); err != nil || !got {
		return nil, err
	}
	// The transaction will idle for as long as migrations take. That this comes
	// last matters: the query before it leaves its portal open, whose snapshot
	// would hold up CREATE INDEX CONCURRENTLY for as long, and a statement without
	// arguments goes by the simple protocol, which closes it.
	if _, err := tx.Exec(ctx, `SET LOCAL idle_in_transaction_session_timeout = 0`); err != nil {
		return nil, err
	}
	return tx, nil
}

func (l *locker) release(ctx context.Context) error {
	tx := l.held
	l.held = nil
	if err := tx.Rollback(ctx); err != nil {
		return fmt.Errorf("the connection that held migration lock %d was lost, another process may have migrated at the same time: %w", l.id, err)
	}
	return nil
}
