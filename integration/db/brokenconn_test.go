package db_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

// A cuttable is a handle whose network connections can be cut.
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

// openSeparate returns a separate connection to the handle's database.
func openSeparate(t *testing.T, pg *cuttable) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pg.Pool().Config().ConnString())
	must(t)(nil, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
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

// A statement that was never sent is sent on another connection, even when all
// idle ones were cut.
func TestUnsentStatementsAreRetriedOnAnotherConnection(t *testing.T) {
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

// The server ends idle sessions when it shuts down, or for an administrator:
// only reads run on another connection then.
func TestReadsAreRetriedAfterTheirSessionEnded(t *testing.T) {
	t.Parallel()
	pg := openCuttable(t, 3)
	must(t)(pg.Exec(t.Context(), "CREATE TABLE t (id int)"))
	other := openSeparate(t, pg)
	end := func() {
		must(t)(other.Exec(t.Context(), "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"))
	}
	ids := db.MustCompile[int]("SELECT id FROM t")
	for name, read := range map[string]func(ctx context.Context) error{
		"Query": func(ctx context.Context) error {
			rows, err := pg.Query(ctx, "SELECT id FROM t")
			if err != nil {
				return err
			}
			_, err = pgx.CollectRows(rows, pgx.RowTo[int])
			return err
		},
		"QueryRow": func(ctx context.Context) error {
			var n int
			return pg.QueryRow(ctx, "SELECT 1 WHERE NOT EXISTS (SELECT FROM t)").Scan(&n)
		},
		"Exec": func(ctx context.Context) error { _, err := pg.Exec(ctx, "SELECT id FROM t"); return err },
		"Ping": func(ctx context.Context) error { return pg.Ping(ctx) },
		"All":  func(ctx context.Context) error { _, err := ids.All(ctx, pg); return err },
		"Each": func(ctx context.Context) error {
			for _, err := range ids.Each(ctx, pg) {
				return err
			}
			return nil
		},
		"Paginate": func(ctx context.Context) error {
			_, err := db.Paginate[int](ctx, pg, db.SQL("SELECT id FROM t"), db.Pager{Keys: []db.Order{db.Asc("id")}}, "", 2)
			return err
		},
		"InTx": func(ctx context.Context) error {
			return pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error { _, err := ids.All(ctx, tx); return err })
		},
	} {
		pg.fill(t)
		end()
		if err := read(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	pg.fill(t)
	end()
	if _, err := pg.Exec(t.Context(), "INSERT INTO t VALUES (1)"); err == nil {
		t.Error("an INSERT was sent again on another connection")
	}
}

// A statement whose session an administrator ends after a while is not sent
// again.
func TestStoppedReadsAreNotRetried(t *testing.T) {
	t.Parallel()
	pg := openCuttable(t, 2)
	must(t)(pg.Exec(t.Context(), "CREATE TABLE t (id int)"))
	other := openSeparate(t, pg)
	holder, err := openSeparate(t, pg).Begin(t.Context())
	must(t)(nil, err)
	must(t)(holder.Exec(t.Context(), "LOCK t"))
	done := make(chan error, 1)
	go func() {
		_, err := db.All[int](t.Context(), pg, db.SQL("SELECT id FROM t")) // waits for the lock
		done <- err
	}()
	const waiting = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND now() - query_start > '1.5 s'"
	for {
		if tag, err := other.Exec(t.Context(), waiting); err != nil {
			t.Fatal(err)
		} else if tag.RowsAffected() > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	must(t)(nil, holder.Rollback(t.Context()))
	err = <-done
	if ended, ok := errors.AsType[*pgconn.PgError](err); !ok || ended.Code != "57P01" {
		t.Errorf("%v, want that the session was ended", err)
	}
}

// A COMMIT that was never sent has not committed: its outcome is known.
func TestUnsentCommitIsNotUnknown(t *testing.T) {
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

// After the end of the context nothing is retried, and no outcome is unknown.
func TestCommitAfterContextEnd(t *testing.T) {
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
