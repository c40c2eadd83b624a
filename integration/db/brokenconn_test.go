package db_test

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

// cuttable is a handle whose network connections can be cut.
type cuttable struct {
	*db.DB
	mu    sync.Mutex
	conns []net.Conn
}

func openCuttable(t *testing.T, maxConns int32) *cuttable {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(pgtest.New(t))
	must(t)(nil, err)
	c := new(cuttable)
	cfg.MaxConns = maxConns
	dial := cfg.ConnConfig.DialFunc
	cfg.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err == nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.conns = append(c.conns, conn)
		}
		return conn, err
	}
	c.DB, err = db.OpenConfig(t.Context(), cfg, nil)
	must(t)(nil, err)
	t.Cleanup(c.Close)
	return c
}

// cutAll cuts all connections, after which nothing reaches the server on them.
func (c *cuttable) cutAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
}

// fill makes all connections of the pool, and leaves them idle.
func (c *cuttable) fill(t *testing.T) {
	t.Helper()
	var taken []*pgxpool.Conn
	for range c.Stat().MaxConns() {
		conn, err := c.Acquire(t.Context())
		must(t)(nil, err)
		taken = append(taken, conn)
	}
	for _, conn := range taken {
		conn.Release()
	}
}

// What was never sent is sent on another connection, also when all idle ones
// were cut.
func TestWhatWasNeverSentRunsOnAnotherConnection(t *testing.T) {
	t.Parallel()
	pg := openCuttable(t, 3)
	must(t)(pg.Exec(t.Context(), "CREATE TABLE t (id int)"))
	insert := func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "INSERT INTO t VALUES (1)")
		return err
	}
	for name, run := range map[string]func(ctx context.Context) error{
		"reads": func(ctx context.Context) error {
			for range 4 {
				if _, err := db.All[int](ctx, pg, db.SQL("SELECT id FROM t")); err != nil {
					return err
				}
				pg.fill(t)
				pg.cutAll()
			}
			return pg.InTx(ctx, db.TxOptions{}, insert)
		},
		"Begin": func(ctx context.Context) error {
			tx, err := pg.Begin(ctx)
			if err != nil {
				return err
			}
			if err := insert(tx); err != nil {
				return err
			}
			return tx.Commit(ctx)
		},
		"InTx":           func(ctx context.Context) error { return pg.InTx(ctx, db.TxOptions{}, insert) },
		"InTx, resolved": func(ctx context.Context) error { return pg.InTx(ctx, db.TxOptions{Resolve: true}, insert) },
		"InTx, cut before a statement": func(ctx context.Context) error {
			first := true
			return pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error {
				if first {
					pg.cutAll()
				}
				first = false
				return insert(tx)
			})
		},
		"Ping": func(ctx context.Context) error {
			if err := pg.Ping(ctx); err != nil {
				return err
			}
			_, err := pg.Exec(ctx, "INSERT INTO t VALUES (1)")
			return err
		},
	} {
		must(t)(pg.Exec(t.Context(), "TRUNCATE t"))
		pg.fill(t)
		pg.cutAll()
		if err := run(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := count(t, pg, "SELECT count(*)::int FROM t"); n != 1 {
			t.Errorf("%s: %d rows, want one", name, n)
		}
	}
}

// A COMMIT that was never sent has not committed: there is nothing to ask.
func TestCommitThatWasNeverSentIsNotUnknown(t *testing.T) {
	t.Parallel()
	for _, resolve := range []bool{false, true} {
		pg := openCuttable(t, 2)
		must(t)(pg.Exec(t.Context(), "CREATE TABLE t (id int)"))
		runs := 0
		err := pg.InTx(t.Context(), db.TxOptions{Resolve: resolve}, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), "INSERT INTO t VALUES (1)")
			if runs++; runs == 1 {
				pg.cutAll()
			}
			return err
		})
		if resolve != (err == nil) || resolve && runs != 2 {
			t.Errorf("Resolve %t: %v after %d runs, want success in the second where it is resolved", resolve, err, runs)
		}
		if n := count(t, pg, "SELECT count(*)::int FROM t"); resolve && n != 1 || !resolve && n != 0 {
			t.Errorf("Resolve %t: %d rows, want one", resolve, n)
		}
	}
}

// With the context at its end nothing is tried again, and nothing is unknown.
func TestCommitAfterTheContextsEnd(t *testing.T) {
	t.Parallel()
	pg := openCuttable(t, 2)
	must(t)(pg.Exec(t.Context(), "CREATE TABLE t (id int)"))
	for _, resolve := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		runs := 0
		err := pg.InTx(ctx, db.TxOptions{Resolve: resolve}, func(tx pgx.Tx) error {
			runs++
			_, err := tx.Exec(ctx, "INSERT INTO t VALUES (1)")
			cancel()
			return err
		})
		var unknown *db.CommitUnknownError
		if err == nil || runs != 1 || asError(err, &unknown) {
			t.Errorf("Resolve %t: %v after %d runs", resolve, err, runs)
		}
	}
	if n := count(t, pg, "SELECT count(*)::int FROM t"); n != 0 {
		t.Errorf("%d rows, want none", n)
	}
}
