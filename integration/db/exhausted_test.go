package db_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

func asError[E error](err error, target *E) bool { return errors.As(err, target) }

// openWith opens a handle to its own database.
func openWith(t *testing.T, opts *db.Options, change func(cfg *pgxpool.Config)) *db.DB {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(pgtest.New(t))
	must(t)(nil, err)
	change(cfg)
	pg, err := db.OpenConfig(t.Context(), cfg, opts)
	must(t)(nil, err)
	t.Cleanup(pg.Close)
	return pg
}

// Leaving rows early does not wait for another connection while it holds its
// own: there may be no other.
func TestLeavingRowsWaitsForNoOtherConnection(t *testing.T) {
	t.Parallel()
	var connects atomic.Int32
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	pg := openWith(t, nil, func(cfg *pgxpool.Config) {
		cfg.MaxConns = 1
		cfg.BeforeConnect = func(ctx context.Context, _ *pgx.ConnConfig) error {
			if connects.Add(1) == 1 {
				return nil
			}
			select { // as a pooler does whose connections are all in use
			case <-ctx.Done():
				return ctx.Err()
			case <-stop:
				return errors.New("too late")
			}
		}
	})
	numbers := db.MustCompile[int]("SELECT g FROM generate_series(1, 100000) g")
	const abandoned = 5 * time.Second // after which the handle gives up a connection of its own
	for range 2 {
		var left time.Time
		for _, err := range numbers.Each(t.Context(), pg) {
			if err != nil {
				t.Error(err)
			}
			left = time.Now()
			break
		}
		if time.Since(left) > abandoned*9/10 {
			t.Error("leaving the rows waited until another connection was given up")
		}
	}
}

// Resolve needs no connection other than the transaction's own.
func TestResolveNeedsNoOtherConnection(t *testing.T) {
	t.Parallel()
	admin := open(t, nil, "CREATE TABLE t (id int)")
	role, err := db.One[string](t.Context(), admin, db.SQL("SELECT current_database() || '_limited'"))
	must(t)(nil, err)
	must(t)(admin.Exec(t.Context(), fmt.Sprintf("CREATE ROLE %q LOGIN PASSWORD 'secret' CONNECTION LIMIT 1", role)))
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		for _, sql := range []string{"DROP OWNED BY %q", "DROP ROLE %q"} {
			if _, err := admin.Exec(ctx, fmt.Sprintf(sql, role)); err != nil {
				t.Error(err)
			}
		}
	})
	must(t)(admin.Exec(t.Context(), fmt.Sprintf("GRANT INSERT ON t TO %q", role)))
	cfg := admin.Pool().Config()
	cfg.ConnConfig.User, cfg.ConnConfig.Password, cfg.MaxConns = role, "secret", 1
	pg, err := db.OpenConfig(t.Context(), cfg, nil)
	must(t)(nil, err)
	err = pg.InTx(t.Context(), db.TxOptions{Resolve: true}, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "INSERT INTO t VALUES (1)")
		return err
	})
	if err != nil {
		t.Error(err)
	}
	pg.Close()
}

// A caller that waits in vain learns how the connections are used: from the
// error if a deadline ends the wait, from the log otherwise.
func TestExhaustedPoolIsReported(t *testing.T) {
	t.Parallel()
	lines := make(chan string, 16)
	pg := openWith(t, &db.Options{Logger: slog.New(slog.NewTextHandler(lineWriter(lines), nil))}, func(cfg *pgxpool.Config) { cfg.MaxConns = 1 })
	held := db.MustCompile[int]("-- name: HeldByThis :one\nSELECT 7")
	nested := func(ctx context.Context) error {
		return pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error {
			if _, err := held.One(t.Context(), tx); err != nil {
				return err
			}
			return pg.InTx(ctx, db.TxOptions{}, func(pgx.Tx) error { return nil })
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := nested(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "the only connection is in use, the longest for") || !strings.Contains(err.Error(), "HeldByThis") ||
		!strings.HasPrefix(err.Error(), "db: begin a transaction: wait for a connection") {
		t.Errorf("error %v, want one that says who has the only connection", err)
	}
	forever, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- nested(forever) }()
	if line := <-lines; !strings.Contains(line, "the only connection is in use") || !strings.Contains(line, "HeldByThis") {
		t.Errorf("logged %s", line)
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}

	tx, err := pg.Begin(t.Context())
	must(t)(nil, err)
	closed := make(chan struct{})
	go func() { pg.Close(); close(closed) }()
	if line := <-lines; !strings.Contains(line, "Close waits for connections") {
		t.Errorf("logged %s", line)
	}
	must(t)(nil, tx.Rollback(t.Context()))
	<-closed
}

type lineWriter chan<- string

func (w lineWriter) Write(b []byte) (int, error) {
	w <- string(b)
	return len(b), nil
}

// Errors of waits have one form: the package, the statement, the reason.
func TestErrorsOfWaitsNameTheStatement(t *testing.T) {
	t.Parallel()
	pg := openWith(t, nil, func(cfg *pgxpool.Config) { cfg.MaxConns = 1 })
	conn, err := pg.Acquire(t.Context())
	must(t)(nil, err)
	defer conn.Release()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	stmt := db.MustCompile[int]("-- name: Seven :one\nSELECT 7")
	for name, run := range map[string]struct {
		call func() error
		want string
	}{
		"Acquire":  {func() error { _, err := pg.Acquire(ctx); return err }, "db: wait for a connection: "},
		"QueryRow": {func() error { return pg.QueryRow(ctx, "SELECT 7").Scan(new(int)) }, "db: select ?: wait for a connection: "},
		"Exec":     {func() error { _, err := pg.Exec(ctx, "SELECT 7"); return err }, "db: select ?: wait for a connection: "},
		"One":      {func() error { _, err := stmt.One(ctx, pg); return err }, "db: read Seven: wait for a connection: "},
		"Stmt":     {func() error { _, err := stmt.Exec(ctx, pg); return err }, "db: Seven: wait for a connection: "},
		"InTx":     {func() error { return pg.InTx(ctx, db.TxOptions{}, nil) }, "db: begin a transaction: wait for a connection: "},
		"Begin":    {func() error { _, err := pg.Begin(ctx); return err }, "db: begin a transaction: wait for a connection: "},
	} {
		if err := run.call(); err == nil || !strings.HasPrefix(err.Error(), run.want) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: error %v, want %q", name, err, run.want)
		}
	}
}
