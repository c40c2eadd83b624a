package db

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/customtypes"
)

// Open connects to the server that connString names and returns a handle to it.
// connString is a URL or a list of keywords, as [pgxpool.ParseConfig] accepts
// it. Environment variables such as PGHOST apply as in libpq.
//
// Defaults apply to settings that connString does not set: at most max(4, 2 x
// GOMAXPROCS) connections; idle connections close after 5 minutes, and every
// connection after an hour with 6 minutes of jitter; a health check every 30
// seconds; a connect timeout of 5 seconds.
//
// Open pings the server, so that a wrong address, password or database is
// reported here, in one line, and not by the first statement. The caller closes
// the handle.
func Open(ctx context.Context, connString string, opts *Options) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(connString)
	if err != nil {
		return nil, fmt.Errorf("db: parse the connection string: %w", err) // pgx hides the password
	}
	ApplyDefaults(cfg)
	return OpenConfig(ctx, cfg, opts)
}

// OpenConfig is Open for a configuration that the caller made with
// [pgxpool.ParseConfig]. It uses the pool's settings as they are and keeps the
// hooks and the tracer in cfg; those of the handle run in addition. It does not
// modify cfg. [ApplyDefaults] sets the defaults of Open.
func OpenConfig(ctx context.Context, cfg *pgxpool.Config, opts *Options) (*DB, error) {
	if cfg == nil || cfg.ConnConfig == nil {
		return nil, fmt.Errorf("db: OpenConfig needs a configuration made by pgxpool.ParseConfig")
	}
	if err := opts.validate(); err != nil {
		return nil, err
	}
	d := newDB(opts.withDefaults())
	d.observed = true
	own := cfg
	d.contextHooks = hasContextHooks(own)
	cfg = cfg.Copy()
	d.tracker.Trace(cfg)
	d.hookConnects(cfg)
	d.tracker.WatchSessions(cfg)
	d.prepareHooks(cfg)
	d.tracker.IdentifyConnects(cfg)
	d.watchUsage(cfg)
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("db: create the pool: %w", err)
	}
	d.pool = pool
	d.tracker.Start(own)
	if err := d.firstPing(ctx); err != nil {
		d.Close()
		return nil, fmt.Errorf("db: %w", connecterror.Open(cfg.ConnConfig, err))
	}
	if d.opts.ExamineOnPool {
		d.tracker.ExamineOn(pool)
	}
	return d, nil
}

// firstPing pings the server. A hook that decides by the caller's context may
// refuse the context of Open; the ping then runs on the examiner's connection,
// which runs no such hook.
func (d *DB) firstPing(ctx context.Context) error {
	if !d.contextHooks {
		return d.pool.Ping(ctx)
	}
	defer func() {
		if d.opts.ExamineOnPool {
			d.tracker.CloseExaminer()
		}
	}()
	return d.tracker.OnExaminer(ctx, func(ctx context.Context, conn *pgx.Conn) error { return conn.Ping(ctx) })
}

// New returns a handle over an existing pool. It leaves the pool unchanged, so
// that the handle lacks everything that needs a hook in the connections:
// OnChange returns ErrUnobserved, Stats has no statements, and slow statements
// are not logged. New rejects Options.Types, Options.Prepare and
// Options.ExamineOnPool. Closing the handle closes the pool.
func New(pool *pgxpool.Pool, opts *Options) (*DB, error) {
	if pool == nil {
		return nil, fmt.Errorf("db: New needs a pool, got nil")
	}
	if err := opts.validate(); err != nil {
		return nil, err
	}
	if opts != nil && (len(opts.Types)+len(opts.Prepare) > 0 || opts.ExamineOnPool) {
		return nil, fmt.Errorf("db: Options.Types, Prepare and ExamineOnPool need Open or OpenConfig: New leaves the pool's connections as they are")
	}
	d := newDB(opts.withDefaults())
	d.pool = pool
	cfg := pool.Config()
	d.contextHooks = hasContextHooks(cfg)
	d.tracker.Start(cfg)
	return d, nil
}

// hasContextHooks reports whether the program set a hook that each acquire runs
// with the caller's context.
func hasContextHooks(cfg *pgxpool.Config) bool {
	return cfg.PrepareConn != nil || cfg.BeforeAcquire != nil //nolint:staticcheck // programs still use it
}

// ApplyDefaults applies the defaults of Open to cfg, which
// [pgxpool.ParseConfig] made, for every setting that the connection string, the
// service file and the environment leave open. It is for programs that change
// the configuration before OpenConfig.
func ApplyDefaults(cfg *pgxpool.Config) {
	given := func(string) bool { return false }
	if parsed, err := pgconn.ParseConfig(cfg.ConnString()); err == nil { // pgconn leaves the pool's settings in RuntimeParams
		given = func(setting string) bool { _, ok := parsed.RuntimeParams[setting]; return ok }
	}
	if !given("pool_max_conns") {
		cfg.MaxConns = max(4, int32(2*runtime.GOMAXPROCS(0)), cfg.MinConns)
	}
	if !given("pool_max_conn_idle_time") {
		cfg.MaxConnIdleTime = 5 * time.Minute
	}
	if !given("pool_max_conn_lifetime_jitter") {
		cfg.MaxConnLifetimeJitter = cfg.MaxConnLifetime / 10
	}
	if !given("pool_health_check_period") {
		cfg.HealthCheckPeriod = 30 * time.Second
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	}
}

// hookConnects runs the caller's hooks, marks their errors as theirs, and loads
// the types.
func (d *DB) hookConnects(cfg *pgxpool.Config) {
	if before := cfg.BeforeConnect; before != nil {
		cfg.BeforeConnect = func(ctx context.Context, conn *pgx.ConnConfig) error {
			return connecterror.BeforeConnect(conn, before(ctx, conn))
		}
	}
	after := cfg.AfterConnect
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		customtypes.EncodeNamedStrings(conn)
		s := d.ensureState(conn)
		err := s.tracked.Own(func() error { return customtypes.Load(ctx, conn, d.opts.Types) })
		if err != nil {
			return connecterror.Setup(conn, "Options.Types", err)
		}
		if after == nil {
			return nil
		}
		err = after(ctx, conn)
		s.tracked.HookDone()
		return connecterror.Setup(conn, "hook AfterConnect", err)
	}
}
