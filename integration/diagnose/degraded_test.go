package diagnose_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/diagnose"
	"github.com/headrace/headrace/integration/pgtest"
)

// A role without rights sees its own sessions and all waits for locks, and is
// told what it does not see.
func TestRoleWithoutRights(t *testing.T) {
	t.Parallel()
	connString := pgtest.New(t)
	admin := pgtest.Open(t, connString, nil, itemSchema...)
	role := fmt.Sprintf("diagnose_%d", time.Now().UnixNano())
	pgtest.Exec(t, admin, "CREATE ROLE "+role+" LOGIN PASSWORD 'secret'")
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		_, _ = admin.Exec(ctx, "DROP OWNED BY "+role)
		if _, err := admin.Exec(ctx, "DROP ROLE "+role); err != nil {
			t.Error(err)
		}
	})
	pgtest.Exec(t, admin, "GRANT UPDATE, SELECT ON items TO "+role)
	cfg, err := pgxpool.ParseConfig(connString)
	if err != nil {
		t.Fatal(err)
	}
	cfg.ConnConfig.User, cfg.ConnConfig.Password = role, "secret"
	pg, err := db.OpenConfig(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Close()
	m := monitor(t, pg, diagnose.Options{HeldFor: 3 * time.Second})
	defer m.Close() // before the handle

	tx, err := admin.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	pgtest.Exec(t, tx, "UPDATE items SET name = 'x' WHERE id = 1")
	done := make(chan error, 1)
	go func() {
		_, err := pg.Exec(context.WithoutCancel(t.Context()), "UPDATE items SET name = 'y' WHERE id = 1")
		done <- err
	}()
	if f := await(t, m, diagnose.Incomplete); !strings.Contains(f.Do, "pg_read_all_stats") {
		t.Errorf("found %+v", f)
	}
	if f := await(t, m, diagnose.LockWaits); !strings.Contains(f.Title, "1 session waits") {
		t.Errorf("found %+v", f)
	}
	_ = tx.Rollback(t.Context())
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A view that the role may not read is a finding, not a failure.
func TestViewsRevoked(t *testing.T) {
	t.Parallel()
	connString := pgtest.New(t)
	admin := pgtest.Open(t, connString, nil, "CREATE SCHEMA mine", "REVOKE SELECT ON pg_catalog.pg_locks FROM PUBLIC")
	role := fmt.Sprintf("diagnose_views_%d", time.Now().UnixNano())
	pgtest.Exec(t, admin, "CREATE ROLE "+role+" LOGIN PASSWORD 'secret'")
	t.Cleanup(func() {
		if _, err := admin.Exec(context.WithoutCancel(t.Context()), "DROP ROLE "+role); err != nil {
			t.Error(err)
		}
	})
	cfg, err := pgxpool.ParseConfig(connString)
	if err != nil {
		t.Fatal(err)
	}
	cfg.ConnConfig.User, cfg.ConnConfig.Password = role, "secret"
	pg, err := db.OpenConfig(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Close()
	m := monitor(t, pg, diagnose.Options{})
	defer m.Close()
	if f := await(t, m, diagnose.Incomplete); !strings.Contains(f.Evidence, "SQLSTATE 42501") {
		t.Errorf("found %+v", f)
	}
}

// A server that is down leaves the windows and is named in a finding; a Monitor
// connects to it once it is back.
func TestServerDown(t *testing.T) {
	t.Parallel()
	proxy, proxied := startProxy(t)
	pg := openAt(t, proxied, 2)
	m := monitor(t, pg, diagnose.Options{})
	if findings := m.Findings(t.Context()); len(findings) > 0 {
		t.Errorf("found %+v", findings)
	}
	proxy.Refuse(true)
	proxy.CutAll()
	await(t, m, diagnose.Incomplete)
	awaitWindows(t, m, 2)
	proxy.Refuse(false)
	awaitNone(t, m, diagnose.Incomplete)

	ctx, cancel := context.WithCancel(t.Context()) // of a caller that has gone
	cancel()
	m.Findings(ctx)
	m.Bottleneck(ctx)
	awaitNone(t, m, diagnose.Incomplete)
}

// A Monitor of an adopted pool sees what it can.
func TestAdoptedPool(t *testing.T) {
	t.Parallel()
	pg, err := db.New(pgtest.Pool(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	m := monitor(t, pg, diagnose.Options{})
	defer m.Close()
	load(t, 2, func(ctx context.Context) error {
		_, err := pg.Exec(ctx, "SELECT pg_sleep(0.01)")
		return err
	})
	w := awaitWindows(t, m, 3)
	if w.Pool.Acquired == 0 || w.Pool.Max == 0 || w.Calls != 0 {
		t.Errorf("the window is %+v", w)
	}
	m.Findings(t.Context())
	m.Bottleneck(t.Context())
}

// A hook may set the password of each connection.
func TestBeforeConnect(t *testing.T) {
	t.Parallel()
	connString := pgtest.New(t)
	cfg, err := pgxpool.ParseConfig(connString)
	if err != nil {
		t.Fatal(err)
	}
	user := cfg.ConnConfig.User
	cfg.ConnConfig.User = "nobody"
	var traced connects
	cfg.ConnConfig.Tracer = &traced
	cfg.BeforeConnect = func(_ context.Context, cc *pgx.ConnConfig) error { cc.User = user; return nil }
	pg, err := db.OpenConfig(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Close()
	m := monitor(t, pg, diagnose.Options{})
	defer m.Close()
	tracedBefore := traced.n.Load()
	if findings := m.Findings(t.Context()); len(findings) > 0 {
		t.Errorf("found %+v", findings)
	}
	before := pg.Stats()
	h, err := diagnose.NewHealth(pg, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if r := h.Ready(t.Context()); !r.OK {
		t.Errorf("not ready: %+v", r)
	}
	if after := pg.Stats(); len(after.Statements) != len(before.Statements) || after.Pool.AcquireCount() != before.Pool.AcquireCount() {
		t.Error("checks count as statements of the program")
	}
	if traced.n.Load() != tracedBefore {
		t.Error("the tracer of the program sees the connections of checks")
	}
}

// connects counts connections.
type connects struct{ n atomic.Int64 }

func (c *connects) TraceConnectStart(ctx context.Context, _ pgx.TraceConnectStartData) context.Context {
	c.n.Add(1)
	return ctx
}
func (c *connects) TraceConnectEnd(context.Context, pgx.TraceConnectEndData) {}
func (c *connects) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}
func (c *connects) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// Values of arguments, and constants in texts, are in no finding, warning, log
// or report.
func TestNoValues(t *testing.T) {
	t.Parallel()
	const canary = "canary7f3a"
	connString := pgtest.New(t)
	var log lockedBuffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	pg := pgtest.Open(t, with(connString, "pool_max_conns=8"), nil,
		"CREATE TABLE secrets (token text PRIMARY KEY, n int)", "INSERT INTO secrets SELECT 'canary7f3a' || g, g FROM generate_series(1, 3000) g")
	var warnings lockedBuffer
	failing := func(context.Context) error {
		_, err := pg.Exec(context.Background(), "SELECT $1::text::int", canary)
		return err
	}
	m := monitor(t, pg, diagnose.Options{
		HeldFor: 300 * time.Millisecond, Logger: logger,
		Thresholds: []diagnose.Threshold{
			{Metric: diagnose.P99, Above: diagnose.Duration(time.Nanosecond), For: 1}, {Metric: diagnose.ErrorRate, Above: diagnose.Ratio(0.01), For: 1},
			{Metric: diagnose.CPU, Above: diagnose.Ratio(0), For: 1},
		},
		Lag: func(ctx context.Context) (time.Duration, error) { return 0, failing(ctx) },
		OnWarning: func(ctx context.Context, w diagnose.Warning) {
			fmt.Fprintf(&warnings, "%v %+v\n", w, w)
			panic(failing(ctx))
		},
	})
	h, err := diagnose.NewHealth(pg, &diagnose.HealthOptions{Migrations: failing, Lag: func(ctx context.Context) (time.Duration, error) { return 0, failing(ctx) }})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()

	other := pgtest.Connect(t, connString)
	pgtest.Exec(t, other, "BEGIN; UPDATE secrets SET n = 0 WHERE token = 'canary7f3a3000'")
	load(t, 1, func(ctx context.Context) error { // waits for the lock
		_, err := pg.Exec(ctx, "UPDATE secrets SET n = 1 WHERE token = $1", canary+"3000")
		return err
	})
	load(t, 2, func(ctx context.Context) error {
		ctx, span := db.Profile(ctx, "secrets")
		defer span.End()
		for i := range 12 {
			_, err := pg.Exec(ctx, "INSERT INTO secrets VALUES ($1, 1)", fmt.Sprint(canary, 1+i)) // not unique
			var pgErr *pgconn.PgError
			if ctx.Err() == nil && (!errors.As(err, &pgErr) || !strings.Contains(pgErr.Detail, canary)) {
				return fmt.Errorf("the insert returned %w", err)
			}
			_, _ = pg.Exec(ctx, fmt.Sprintf("SELECT '%s%d', pg_sleep(0.001)", canary, i))
			_, _ = db.All[string](ctx, pg, db.SQL("SELECT token FROM secrets WHERE token LIKE 'canary7f3a%'"))
		}
		return nil
	})
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	_, _ = tx.Exec(t.Context(), "SELECT 'canary7f3a'")
	await(t, m, diagnose.ConnectionLeaked)
	await(t, m, diagnose.StatementRepeated)
	await(t, m, diagnose.LockWaits)
	await(t, m, diagnose.ResultsLarge)
	awaitWindows(t, m, 3)
	all := fmt.Sprintf("%+v\n%+v\n%+v\n%+v\n%+v\n%+v\n%s\n%s", m.Findings(t.Context()), m.Bottleneck(t.Context()), m.Warnings(), m.Windows(), h.Ready(t.Context()), h.Live(), log.String(), warnings.String())
	if !strings.Contains(all, "secrets") || !strings.Contains(all, "panicked") || !strings.Contains(all, "SQLSTATE 22P02") {
		t.Errorf("the test sees nothing: %s", all)
	}
	if i := strings.Index(all, canary); i >= 0 {
		t.Errorf("a value is shown: …%s…", all[max(i-200, 0):min(i+100, len(all))])
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
