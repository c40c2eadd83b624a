package diagnose

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/changes"
	"github.com/headrace/headrace/internal/connecterror"
)

// An ownConn is a connection to the server of a pool, outside of the pool, so
// that its users never wait for the program's traffic. It is opened when it is
// first needed, and again after an error.
type ownConn struct {
	pool *pgxpool.Config
	turn chan struct{} // holds one token, whose owner may use the fields below
	conn *pgx.Conn     // nil until first needed
	used time.Time     // when conn was used last

	closed bool
}

var errClosed = errors.New("closed")

// newOwnConn returns a connection by the configuration of a pool, which
// newOwnConn keeps.
func newOwnConn(pool *pgxpool.Config) *ownConn {
	params := pool.ConnConfig.RuntimeParams
	params["application_name"] = changes.ApplicationName(params["application_name"])
	c := &ownConn{pool: pool, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c
}

// do calls fn with the connection, one caller at a time. After an error it
// closes the connection.
func (c *ownConn) do(ctx context.Context, fn func(ctx context.Context, conn *pgx.Conn) error) error {
	select {
	case <-c.turn:
		defer func() { c.turn <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if c.closed {
		return errClosed
	}
	reused := c.conn != nil && !c.conn.IsClosed()
	if err := c.connect(ctx); err != nil {
		return err
	}
	err := fn(ctx, c.conn)
	if err != nil && reused && c.conn.IsClosed() && ctx.Err() == nil { // it had broken since its last use
		if err := c.connect(ctx); err != nil {
			return err
		}
		err = fn(ctx, c.conn)
	}
	if err != nil {
		c.drop()
	}
	c.used = time.Now()
	return err
}

// connect opens the connection unless it is open. Called with the token.
func (c *ownConn) connect(ctx context.Context) error {
	if c.conn != nil && !c.conn.IsClosed() {
		return nil
	}
	cfg := c.pool.ConnConfig.Copy()
	if before := c.pool.BeforeConnect; before != nil { // it may set the password
		if err := before(ctx, cfg); err != nil {
			return fmt.Errorf("connect: %w", err)
		}
	}
	cfg.Tracer = nil
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return connecterror.Connect(err)
	}
	c.conn = conn
	return nil
}

// drop closes the connection without waiting for the server. Called with the
// token.
func (c *ownConn) drop() {
	if c.conn == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = c.conn.Close(ctx)
	c.conn = nil
}

const idleFor = time.Minute

// closeIdle closes the connection if it has not been used for a minute. It
// never waits.
func (c *ownConn) closeIdle() {
	select {
	case <-c.turn:
	default:
		return
	}
	defer func() { c.turn <- struct{}{} }()
	if c.conn != nil && time.Since(c.used) >= idleFor {
		c.end()
	}
}

const closeTimeout = time.Second

// end closes the connection. Called with the token.
func (c *ownConn) end() {
	if c.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = c.conn.Close(ctx)
	c.conn = nil
}

// close closes the connection for good. It waits for the caller that uses it.
func (c *ownConn) close() {
	<-c.turn
	c.closed = true
	c.end()
	c.turn <- struct{}{}
}
