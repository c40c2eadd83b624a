package db_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgserver"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/internal/cacheapi"
)

func TestOpenNamesTheProblem(t *testing.T) {
	t.Parallel()
	good := pgtest.New(t)
	replace := func(change func(*pgconn.Config)) *pgxpool.Config {
		cfg, err := pgxpool.ParseConfig(good)
		if err != nil {
			t.Fatal(err)
		}
		cfg.ConnConfig.Fallbacks = append(cfg.ConnConfig.Fallbacks, // as sslmode=prefer makes: a second attempt
			&pgconn.FallbackConfig{Host: cfg.ConnConfig.Host, Port: cfg.ConnConfig.Port})
		change(&cfg.ConnConfig.Config)
		for _, f := range cfg.ConnConfig.Fallbacks {
			f.Host, f.Port = cfg.ConnConfig.Host, cfg.ConnConfig.Port
		}
		return cfg
	}
	for _, tt := range []struct {
		name string
		cfg  *pgxpool.Config
		want string
		code string
	}{
		{
			name: "no server",
			cfg:  replace(func(c *pgconn.Config) { c.Host, c.Port = "127.0.0.1", closedPort(t) }),
			want: "nothing listens there",
		},
		{
			name: "no socket",
			cfg:  replace(func(c *pgconn.Config) { c.Host = t.TempDir() }),
			want: "there is no such socket",
		},
		{
			name: "no database",
			cfg:  replace(func(c *pgconn.Config) { c.Database = "no_such_database" }),
			want: `there is no database "no_such_database"`,
			code: "3D000",
		},
		{
			name: "no host",
			cfg:  replace(func(c *pgconn.Config) { c.Host = "no-such-host.invalid" }),
			want: "no such host",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pg, err := db.OpenConfig(t.Context(), tt.cfg, nil)
			if err == nil {
				pg.Close()
				t.Fatal("opened")
			}
			if text := err.Error(); !strings.Contains(text, tt.want) || strings.Contains(text, "\n") {
				t.Errorf("error %q: want one line with %q", text, tt.want)
			}
			if pgErr, ok := errors.AsType[*pgconn.PgError](err); tt.code != "" && (!ok || pgErr.Code != tt.code) {
				t.Errorf("no PgError with code %s in %v", tt.code, err)
			}
		})
	}
}

func TestOpenReportsWrongPassword(t *testing.T) {
	t.Parallel()
	server := pgtest.Private(t, &pgserver.Options{Password: "right"})
	cfg, err := pgxpool.ParseConfig(server.ConnString())
	if err != nil {
		t.Fatal(err)
	}
	cfg.ConnConfig.Password = "secret-but-wrong"
	cfg.ConnConfig.Fallbacks = append(cfg.ConnConfig.Fallbacks, // as sslmode=prefer makes: a second attempt
		&pgconn.FallbackConfig{Host: cfg.ConnConfig.Host, Port: cfg.ConnConfig.Port})
	_, err = db.OpenConfig(t.Context(), cfg, nil)
	if err == nil {
		t.Fatal("opened")
	}
	if text := err.Error(); !strings.Contains(text, "wrong password") || strings.Contains(text, "\n") {
		t.Errorf("error %q: want one line with wrong password", text)
	}
	if strings.Contains(err.Error(), "secret-but-wrong") {
		t.Errorf("error %v shows the password", err)
	}
}

// Failures after the server has accepted the user are not the server's fault:
// the error names the cause and the host.
func TestOpenNamesFailuresAfterConnecting(t *testing.T) {
	t.Parallel()
	ask := func(ctx context.Context, conn *pgconn.PgConn) error {
		return conn.Exec(ctx, "SELECT 1 / 0").Close()
	}
	for _, tt := range []struct {
		name string
		set  func(*pgxpool.Config)
		opts db.Options
		want string
		code string
	}{
		{
			name: "a type that is not there",
			opts: db.Options{Types: []string{"no_such_type"}},
			want: "Options.Types: type no_such_type does not exist",
		},
		{
			name: "a statement that cannot be prepared",
			opts: db.Options{Prepare: []db.Compiled{db.MustCompile[int]("-- name: Bad :one\nSELECT id FROM no_such_table")}},
			want: `Options.Prepare: prepare Bad: ERROR: relation "no_such_table" does not exist`,
			code: "42P01",
		},
		{
			name: "hook of the pool",
			set: func(c *pgxpool.Config) {
				c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error { return ask(ctx, conn.PgConn()) }
			},
			want: "hook AfterConnect: ERROR: division by zero",
			code: "22012",
		},
		{
			name: "hook of the connection",
			set:  func(c *pgxpool.Config) { c.ConnConfig.AfterConnect = ask },
			want: "AfterConnect error: ERROR: division by zero",
			code: "22012",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg, err := pgxpool.ParseConfig(pgtest.New(t))
			if err != nil {
				t.Fatal(err)
			}
			host, port := cfg.ConnConfig.Host, cfg.ConnConfig.Port
			cfg.ConnConfig.Port = closedPort(t) // the first of two hosts
			cfg.ConnConfig.Fallbacks = []*pgconn.FallbackConfig{{Host: host, Port: port}}
			if tt.set != nil {
				tt.set(cfg)
			}
			pg, err := db.OpenConfig(t.Context(), cfg, &tt.opts)
			if err == nil {
				pg.Close()
				t.Fatal("opened")
			}
			text := err.Error()
			if !strings.Contains(text, tt.want) || strings.Contains(text, "answers with an error") || strings.Contains(text, "\n") {
				t.Errorf("error %q: want one line with %q", text, tt.want)
			}
			if to := fmt.Sprintf("%s:%d as user", host, port); !strings.Contains(text, to) {
				t.Errorf("error %q: want it to name %s", text, to)
			}
			if pgErr, ok := errors.AsType[*pgconn.PgError](err); tt.code != "" && (!ok || pgErr.Code != tt.code) {
				t.Errorf("no PgError with code %s in %v", tt.code, err)
			}
		})
	}
}

func TestOpenRejectsInvalidOptions(t *testing.T) {
	t.Parallel()
	for field, opts := range map[string]*db.Options{
		"MaxRetries": {MaxRetries: -2},
		"MaxRows":    {MaxRows: -1},
		"SlowQuery":  {SlowQuery: -1},
	} {
		if _, err := db.Open(t.Context(), pgtest.New(t), opts); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("error %v: want it to name %s", err, field)
		}
	}
	if _, err := db.Open(t.Context(), "postgres://:::", nil); err == nil || !strings.Contains(err.Error(), "connection string") {
		t.Errorf("error %v: want it to name the connection string", err)
	}
}

// closedPort returns a local port that nothing listens on.
func closedPort(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	if _, err := net.Dial("tcp", l.Addr().String()); errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatal(err)
	}
	return uint16(port)
}

// A tracer that a hook sets does not replace the handle's.
func TestBeforeConnectMaySetATracer(t *testing.T) {
	t.Parallel()
	cfg, err := pgxpool.ParseConfig(pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	first, second := new(statementTracer), new(statementTracer)
	cfg.ConnConfig.Tracer = first
	cfg.BeforeConnect = func(_ context.Context, connConfig *pgx.ConnConfig) error {
		connConfig.Tracer = multitracer.New(connConfig.Tracer, second)
		return nil
	}
	pg, err := db.OpenConfig(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	must(t)(pg.Exec(t.Context(), "CREATE TABLE a (id int)"))
	log := watch(t, pg)
	before := first.n.Load()
	must(t)(pg.Exec(t.Context(), "INSERT INTO a VALUES (1)"))
	if announced := log.takeKnown(); announced != "public.a" {
		t.Errorf("announced %q", announced)
	}
	if n := first.n.Load() - before; n != 1 || second.n.Load() != first.n.Load() {
		t.Errorf("the program's tracers saw %d statements, and %d and %d in all", n, first.n.Load(), second.n.Load())
	}
	if calls := pg.Stats().Statements[0].Calls; calls != 1 {
		t.Errorf("a statement was counted %d times", calls)
	}
}

type statementTracer struct{ n atomic.Int64 }

func (c *statementTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}

func (*statementTracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// Results depend on contexts only through the program's own hooks.
func TestContextHooks(t *testing.T) {
	t.Parallel()
	connString := pgtest.New(t)
	for _, hook := range []bool{false, true} {
		cfg, err := pgxpool.ParseConfig(connString)
		if err != nil {
			t.Fatal(err)
		}
		if hook {
			cfg.PrepareConn = func(context.Context, *pgx.Conn) (bool, error) { return true, nil }
		}
		pg, err := db.OpenConfig(t.Context(), cfg, &db.Options{Prepare: []db.Compiled{db.MustCompile[int]("SELECT 1")}})
		if err != nil {
			t.Fatal(err)
		}
		defer pg.Close()
		pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		adopted, err := db.New(pool, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer adopted.Close()
		if cacheapi.HandleOf(pg).ContextHooks != hook || cacheapi.HandleOf(adopted).ContextHooks != hook {
			t.Errorf("with hooks: %v; announced %v, adopted %v", hook, cacheapi.HandleOf(pg).ContextHooks, cacheapi.HandleOf(adopted).ContextHooks)
		}
	}
}
