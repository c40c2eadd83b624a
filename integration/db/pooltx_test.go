package db_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

// openOne returns a handle with a single connection, and a check that it was
// released.
func openOne(t *testing.T) *db.DB {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	cfg.MaxConns = 1
	pg, err := db.OpenConfig(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	for _, sql := range itemSchema {
		must(t)(pg.Exec(t.Context(), sql))
	}
	return pg
}

func holds(t *testing.T, pg *db.DB, want int32, when string) {
	t.Helper()
	if n := pg.Stat().AcquiredConns(); n != want {
		t.Errorf("%s: %d connections are held, want %d", when, n, want)
	}
}

func TestTransactionsReleaseTheirConnection(t *testing.T) {
	t.Parallel()
	pg := openOne(t)
	ctx := t.Context()
	for when, end := range map[string]func(pgx.Tx, context.Context) error{"commit": pgx.Tx.Commit, "rollback": pgx.Tx.Rollback} {
		tx, err := pg.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		holds(t, pg, 1, "before "+when)
		inner, err := tx.Begin(ctx)
		must(t)(nil, err)
		must(t)(nil, end(inner, ctx))
		holds(t, pg, 1, "after the inner "+when)
		if n := count(t, tx, "SELECT count(*)::int FROM items"); n != 10 {
			t.Errorf("%d rows", n)
		}
		must(t)(nil, end(tx, ctx))
		holds(t, pg, 0, "after "+when)
		if err := end(tx, ctx); !errors.Is(err, pgx.ErrTxClosed) {
			t.Errorf("%s twice: error %v, want ErrTxClosed", when, err)
		}
		if err := tx.Rollback(ctx); !errors.Is(err, pgx.ErrTxClosed) {
			t.Errorf("a deferred rollback: error %v, want ErrTxClosed", err)
		}
	}
	if _, err := pg.BeginTx(ctx, pgx.TxOptions{BeginQuery: "BEGIN nonsense"}); err == nil {
		t.Error("began with nonsense")
	}
	holds(t, pg, 0, "after a failed begin")

	tx, err := pg.Begin(ctx)
	must(t)(nil, err)
	_, _ = tx.Exec(ctx, "SELECT 1 / 0")
	if err := tx.Commit(ctx); !errors.Is(err, pgx.ErrTxCommitRollback) {
		t.Errorf("commit of a failed transaction: error %v, want ErrTxCommitRollback", err)
	}
	holds(t, pg, 0, "after a commit that rolled back")
}

func TestBatchesReleaseTheirConnection(t *testing.T) {
	t.Parallel()
	pg := openOne(t)
	ctx := t.Context()
	batch := func(sql ...string) *pgx.Batch {
		var b pgx.Batch
		for _, sql := range sql {
			b.Queue(sql)
		}
		return &b
	}
	results := pg.SendBatch(ctx, batch("SELECT 1", "SELECT 2"))
	var n int
	if err := results.QueryRow().Scan(&n); err != nil || n != 1 || results.Tx() != nil {
		t.Errorf("%d, error %v, transaction %v", n, err, results.Tx())
	}
	holds(t, pg, 1, "before Close")
	must(t)(nil, results.Close())
	holds(t, pg, 0, "after Close")
	must(t)(nil, results.Close())

	results = pg.SendBatch(ctx, batch("SELECT 1 / 0"))
	if _, err := results.Exec(); err == nil {
		t.Error("divided by zero")
	}
	if err := results.Close(); err == nil {
		t.Error("Close does not repeat the error")
	}
	holds(t, pg, 0, "after a failed batch")

	var begins pgx.Batch
	begins.BeginTx(pgx.TxOptions{})
	begins.Queue("DELETE FROM items")
	results = pg.SendBatch(ctx, &begins)
	tx := results.Tx()
	must(t)(nil, results.Close())
	holds(t, pg, 1, "after Close of a batch that began a transaction")
	must(t)(nil, tx.Rollback(ctx))
	holds(t, pg, 0, "after the transaction of a batch")
	if n := count(t, pg, "SELECT count(*)::int FROM items"); n != 10 {
		t.Errorf("%d rows are left of 10", n)
	}
}

// A caller does not wait for a connection silently: the error reports the wait,
// and the figures its duration.
func TestAbandonedWaitIsReported(t *testing.T) {
	t.Parallel()
	pg := openOne(t)
	held, err := pg.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Release()
	const timeout = 20 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	before := pg.Stats().Waits
	_, err = one.One(ctx, pg)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "wait for a connection") {
		t.Errorf("error %v: want the deadline's, and that it was waited for a connection", err)
	}
	var begins pgx.Batch
	begins.BeginTx(pgx.TxOptions{})
	results := pg.SendBatch(ctx, &begins)
	if err := results.Tx().Rollback(t.Context()); !errors.Is(err, pgx.ErrTxClosed) {
		t.Errorf("the transaction of a batch that was not sent: error %v, want ErrTxClosed", err)
	}
	if err := results.Close(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v of a batch that was not sent: want the deadline's", err)
	}
	after := pg.Stats().Waits
	if after.Count != before.Count+2 || after.Max < timeout/2 {
		t.Errorf("waits %+v, before %+v: want two more, the longest of %v", after, before, timeout)
	}
}
