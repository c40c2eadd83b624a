package changes

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/clock"
	"github.com/headrace/headrace/internal/connecterror"
)

// An examiner examines statements on a separate connection: taking a connection
// from the pool could deadlock if all of them are held by callers that wait for
// an examination. The connection is made when it is first needed and closed
// when it has not been used for a while.
type examiner struct {
	pool   *pgxpool.Config // connection settings and hooks, without tracer
	lend   *pgxpool.Pool   // pool whose idle connections are used instead; nil for a separate connection
	turn   chan struct{}   // holds one token, whose owner may use conn
	conn   *pgx.Conn       // nil until first needed
	closed bool            // owned with the token
	idle   *time.Timer     // closes conn; stopped by the owner of the token
	failed error           // error of the last connect; owned with the token
	rest   time.Duration   // clock.Now until which no connect is tried after it; likewise
}

const (
	examineTimeout    = 5 * time.Second        // of one examination, connecting included
	examinerIdle      = 60 * time.Second       // after which the connection is closed
	examinerRetryWait = 100 * time.Millisecond // before the last attempt of one examination
	examinerBackoff   = time.Second            // after a failed connect
)

var errExaminerClosed = errors.New("the handle is closed")

func newExaminer(cfg *pgxpool.Config) *examiner {
	cfg = cfg.Copy()
	cfg.ConnConfig.Tracer = nil
	cfg.ConnConfig.RuntimeParams["application_name"] = ApplicationName(cfg.ConnConfig.RuntimeParams["application_name"])
	e := &examiner{pool: cfg, turn: make(chan struct{}, 1)}
	e.idle = time.AfterFunc(examinerIdle, e.closeIdle)
	e.idle.Stop()
	e.turn <- struct{}{}
	return e
}

// ApplicationName returns the application_name of this module's own connections
// for a program of the given name. The server truncates names beyond 63 bytes.
func ApplicationName(program string) string {
	const own, longest = "headrace", 63
	if program == "" {
		return own
	}
	return program[:min(len(program), longest-len(own)-3)] + " (" + own + ")"
}

// do runs fn with the connection, one caller at a time. fn must leave the
// connection as it found it; do closes it after an error.
func (e *examiner) do(ctx context.Context, fn func(ctx context.Context, conn *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	select {
	case <-e.turn:
	case <-ctx.Done():
		return fmt.Errorf("wait for the examining connection: %w", ctx.Err())
	}
	defer func() { e.turn <- struct{}{} }()
	if e.closed {
		return errExaminerClosed
	}
	if e.lend != nil {
		return e.onPool(ctx, fn)
	}
	if err := e.connect(ctx); err != nil {
		return err
	}
	err := fn(ctx, e.conn)
	if e.conn.IsClosed() || e.conn.PgConn().TxStatus() != 'I' {
		e.disconnect()
	} else {
		e.idle.Reset(examinerIdle)
	}
	return err
}

// errNoneIdle reports that the pool has no idle connection for an examination.
var errNoneIdle = errors.New("no connection of the pool is idle")

// idleTimeout bounds the acquisition of an idle connection.
const idleTimeout = 10 * time.Millisecond

// onPool runs fn with an idle connection of the pool whose session is in its
// initial state.
func (e *examiner) onPool(ctx context.Context, fn func(ctx context.Context, conn *pgx.Conn) error) error {
	if e.lend.Stat().IdleConns() == 0 {
		return errNoneIdle
	}
	acquire, cancel := context.WithTimeout(ctx, idleTimeout)
	defer cancel()
	conn, err := e.lend.Acquire(acquire)
	if err != nil {
		return errors.Join(errNoneIdle, err)
	}
	defer conn.Release()
	if s := Of(conn.Conn()); s == nil || s.nameScope() != catalog.PathScope || conn.Conn().PgConn().TxStatus() != 'I' {
		return errNoneIdle
	}
	return fn(ctx, conn.Conn())
}

// connect makes sure that there is a live connection. Called with the token.
func (e *examiner) connect(ctx context.Context) error {
	e.idle.Stop()
	if e.conn != nil && !e.conn.IsClosed() {
		return nil
	}
	if e.failed != nil && clock.Now() < e.rest {
		return e.failed
	}
	e.failed = e.dial(ctx)
	if e.failed != nil && !connecterror.EndedByServer(e.failed) {
		e.rest = clock.Now() + examinerBackoff
	}
	return e.failed
}

// dial connects. Called with the token.
func (e *examiner) dial(ctx context.Context) error {
	cfg := e.pool.ConnConfig.Copy()
	if e.pool.BeforeConnect != nil {
		if err := e.pool.BeforeConnect(ctx, cfg); err != nil {
			return fmt.Errorf("before connecting: %w", err)
		}
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return connecterror.Connect(err)
	}
	e.conn = conn
	if err := e.prepare(ctx); err != nil {
		e.disconnect()
		return err
	}
	return nil
}

// prepare runs the pool's hook AfterConnect, which may set role and
// search_path. It sets nothing else: behind a pooler the session is shared.
func (e *examiner) prepare(ctx context.Context) error {
	if e.pool.AfterConnect == nil {
		return nil
	}
	if err := e.pool.AfterConnect(ctx, e.conn); err != nil {
		return fmt.Errorf("after connecting: %w", err)
	}
	return nil
}

// disconnect closes the connection. Called with the token.
func (e *examiner) disconnect() {
	if e.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = e.conn.Close(ctx) // it is gone either way
	e.conn = nil
}

// closeIdle closes the connection when it has not been used for a while. If it
// is in use, its user sets the timer again.
func (e *examiner) closeIdle() {
	select {
	case <-e.turn:
		e.disconnect()
		e.turn <- struct{}{}
	default:
	}
}

// close closes the examiner, after the current user of the connection.
func (e *examiner) close() {
	<-e.turn
	e.idle.Stop()
	e.closed = true
	e.disconnect()
	e.turn <- struct{}{}
}

// closeNow closes a connection without waiting for the server.
func closeNow(conn *pgx.Conn) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = conn.Close(ctx)
}
