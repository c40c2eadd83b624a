package consistency

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/faultproxy"
	"github.com/headrace/headrace/integration/pgserver"
	"github.com/headrace/headrace/querycache"
)

// A world is a database with its handles and caches.
type world struct {
	opts       Options
	server     *pgserver.Server
	name       string // of the database
	connString string // by way of proxy
	policies   querycache.ByName
	proxy      *faultproxy.Proxy
	handles    [handles]*handle
	outsider   *handle                 // like one of another process; only with stores
	stores     []store                 // that the further tiers of the caches share
	caches     []*querycache.Cache     // of all handles, and of foreign and bare
	tiers      [][]querycache.Tier     // of caches
	foreign    *querycache.ReadThrough // of sessions in another time zone
	other      *db.DB                  // another program
	bare       *querycache.ReadThrough // of a cache without scopes that does not follow its handle
	close      []func()
}

// A handle is one of the handles of the process. It connects through the proxy,
// and its cache follows all handles.
type handle struct {
	number int
	name   string
	pg     *db.DB
	cache  *querycache.Cache
	reads  *querycache.ReadThrough
	hits   atomic.Int64
}

// The handles. The process writes through the first two.
const (
	first  = iota
	second = iota
	idler  = iota // only for reads; the server ends its idle sessions
	handles

	writeHandles = idler
)

var handleNames = [handles]string{first: "first", second: "second", idler: "idler"}

// Settings are the settings that the server needs.
var Settings = map[string]string{"max_prepared_transactions": "10", "synchronous_commit": "on"}

// Settings of the handles' sessions.
const (
	program     = "consistency" // application_name
	idleTimeout = "100ms"
	lockTimeout = "100ms" // so that no session waits in a cycle of locks
	foreignZone = "Asia/Tokyo"
	conns       = 8
)

type tenantKey struct{}

func tenantOf(ctx context.Context) string { s, _ := ctx.Value(tenantKey{}).(string); return s }

type reasonKey struct{}

// newWorld creates a database on server, with its proxy, handles and caches.
func newWorld(ctx context.Context, server *pgserver.Server, opts Options) (*world, error) {
	return newWorldOf(ctx, server, opts, (*world).create, (*world).connect, (*world).setUp, (*world).openStores, (*world).addCaches)
}

// newWorldOf makes a world in steps.
func newWorldOf(ctx context.Context, server *pgserver.Server, opts Options, steps ...func(*world, context.Context) error) (_ *world, err error) {
	w := &world{opts: opts, policies: policies, server: server, name: fmt.Sprintf("%s_%d", program, time.Now().UnixNano())}
	defer func() {
		if err != nil {
			w.end()
		}
	}()
	for _, step := range steps {
		if err := step(w, ctx); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *world) end() {
	for i := len(w.close) - 1; i >= 0; i-- {
		w.close[i]()
	}
}

func (w *world) create(ctx context.Context) error {
	if err := w.admin(ctx, "CREATE DATABASE "+w.name); err != nil {
		return err
	}
	w.close = append(w.close, func() { _ = w.admin(context.WithoutCancel(ctx), "DROP DATABASE IF EXISTS "+w.name+" WITH (FORCE)") })
	return nil
}

func (w *world) admin(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, w.server.ConnString())
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}

func (w *world) connect(ctx context.Context) error {
	if err := w.connectOther(ctx); err != nil {
		return err
	}
	for n := range handles {
		var err error
		if w.handles[n], err = w.open(ctx, n, handleNames[n]); err != nil {
			return err
		}
	}
	return nil
}

// connectOther starts the proxy, and connects the other program.
func (w *world) connectOther(ctx context.Context) (err error) {
	if w.proxy, err = faultproxy.Start(w.server.Addr()); err != nil {
		return err
	}
	w.close = append(w.close, func() { _ = w.proxy.Close() })
	if w.other, err = db.Open(ctx, w.server.ConnStringFor(w.name), nil); err != nil {
		return err
	}
	w.close = append(w.close, w.other.Close)
	w.connString, err = w.proxy.ConnString(w.server.ConnStringFor(w.name))
	return err
}

// config returns the configuration of the pools of the process.
func (w *world) config() (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(w.connString)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = conns
	params := cfg.ConnConfig.RuntimeParams
	params["timezone"], params["application_name"], params["lock_timeout"] = "UTC", program, lockTimeout
	return cfg, nil
}

// open opens a handle through the proxy.
func (w *world) open(ctx context.Context, number int, name string) (*handle, error) {
	cfg, err := w.config()
	if err != nil {
		return nil, err
	}
	if number == idler {
		cfg.ConnConfig.RuntimeParams["idle_session_timeout"] = idleTimeout
	}
	cfg.PrepareConn = func(ctx context.Context, conn *pgx.Conn) (bool, error) {
		if name := tenantOf(ctx); name != "" { // without the tracer, because it is not a statement of the program
			err := conn.PgConn().Exec(ctx, "SET app.tenant = '"+name+"'").Close()
			return err == nil, ctx.Err() // if the session has ended, the pool tries another connection
		}
		return true, nil
	}
	pg, err := db.OpenConfig(ctx, cfg, nil)
	if err != nil {
		return nil, err
	}
	w.close = append(w.close, pg.Close)
	return &handle{number: number, name: name, pg: pg}, nil
}

// setUp creates all tables.
func (w *world) setUp(ctx context.Context) error {
	sql := []string{
		"CREATE TABLE never (v bigint)", "INSERT INTO never VALUES (0)",
		fmt.Sprintf(table, dropped), fmt.Sprintf(table, aged),
		"CREATE TABLE zoned (at timestamptz)", "INSERT INTO zoned VALUES ('2026-01-01 00:00+00')",
		`CREATE TABLE blobs (k bytea, id int)`, `INSERT INTO blobs VALUES ('A', 1), ('\\x41', 2)`,
		movingSetup,
	}
	for _, way := range ways() {
		sql = append(sql, way.setup)
	}
	if _, err := w.other.Exec(ctx, strings.Join(sql, ";\n")); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	return nil
}

// addCaches makes a cache for each handle.
func (w *world) addCaches(ctx context.Context) error {
	for _, h := range w.handles {
		if err := w.addCache(ctx, h); err != nil {
			return err
		}
		for _, followed := range w.handles {
			if _, err := h.cache.Follow(followed.pg); err != nil {
				return err
			}
		}
	}
	if err := w.addOutsider(ctx); err != nil {
		return err
	}
	if err := w.addReads(ctx, &w.bare, "UTC"); err != nil {
		return err
	}
	return w.addReads(ctx, &w.foreign, foreignZone)
}

// addReads makes a pool of sessions in a time zone, and a cache without scopes
// that does not follow it.
func (w *world) addReads(ctx context.Context, reads **querycache.ReadThrough, zone string) error {
	cfg, err := w.config()
	if err != nil {
		return err
	}
	cfg.ConnConfig.RuntimeParams["timezone"] = zone
	pg, err := db.OpenConfig(ctx, cfg, nil)
	if err != nil {
		return err
	}
	w.close = append(w.close, pg.Close)
	o, err := w.cacheOptions(ctx)
	if err != nil {
		return err
	}
	cache, err := w.newCache(o)
	if err != nil {
		return err
	}
	*reads, err = cache.ReadThrough(pg, querycache.Policy{TTL: time.Minute})
	return err
}

func (w *world) newCache(o *querycache.Options) (*querycache.Cache, error) {
	cache, err := querycache.New(o)
	if err == nil {
		w.close = append(w.close, cache.Close)
		w.caches = append(w.caches, cache)
		w.tiers = append(w.tiers, o.Tiers)
	}
	return cache, err
}

func (w *world) addCache(ctx context.Context, h *handle) error {
	o, err := w.cacheOptions(ctx)
	if err != nil {
		return err
	}
	o.Scope = func(ctx context.Context) (string, bool) { return tenantOf(ctx), true }
	if h.cache, err = w.newCache(o); err != nil {
		return err
	}
	h.reads, err = h.cache.ReadThrough(h.pg, w.policies)
	return err
}
