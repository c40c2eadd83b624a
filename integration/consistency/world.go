package consistency

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/faultproxy"
	"github.com/headrace/headrace/integration/pgserver"
	"github.com/headrace/headrace/querycache"
)

// A world is a database with the cache before it.
type world struct {
	server *pgserver.Server
	name   string // of the database
	proxy  *faultproxy.Proxy
	pg     *db.DB // through the proxy; the cache follows it
	other  *db.DB // another program
	cache  *querycache.Cache
	reads  *querycache.ReadThrough
	bare   *querycache.ReadThrough // of a cache without scopes, before other
	close  []func()
}

// Settings are what the server needs.
var Settings = map[string]string{"max_prepared_transactions": "10", "synchronous_commit": "on"}

const (
	maxAge     = 200 * time.Millisecond // TTL of the statement Aged
	conns      = 8
	createdFor = "consistency"
)

type tenantKey struct{}

func tenantOf(ctx context.Context) string { s, _ := ctx.Value(tenantKey{}).(string); return s }

type reasonKey struct{}

// newWorld makes a database on server, and all that stands before it.
func newWorld(ctx context.Context, server *pgserver.Server) (_ *world, err error) {
	w := &world{server: server, name: fmt.Sprintf("%s_%d", createdFor, time.Now().UnixNano())}
	defer func() {
		if err != nil {
			w.end()
		}
	}()
	steps := []func(context.Context) error{w.create, w.connect, w.setUp, w.keep}
	for _, step := range steps {
		if err := step(ctx); err != nil {
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

func (w *world) connect(ctx context.Context) (err error) {
	direct := w.server.ConnStringFor(w.name)
	if w.proxy, err = faultproxy.Start(w.server.Addr()); err != nil {
		return err
	}
	w.close = append(w.close, func() { _ = w.proxy.Close() })
	if w.other, err = db.Open(ctx, direct, nil); err != nil {
		return err
	}
	w.close = append(w.close, w.other.Close)
	u, err := url.Parse(direct)
	if err != nil {
		return err
	}
	u.Host = w.proxy.Addr()
	cfg, err := pgxpool.ParseConfig(u.String())
	if err != nil {
		return err
	}
	cfg.MaxConns = conns
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	cfg.PrepareConn = func(ctx context.Context, conn *pgx.Conn) (bool, error) {
		if name := tenantOf(ctx); name != "" { // past the tracer: it is no statement of the program's
			return true, conn.PgConn().Exec(ctx, "SET app.tenant = '"+name+"'").Close()
		}
		return true, nil
	}
	if w.pg, err = db.OpenConfig(ctx, cfg, nil); err != nil {
		return err
	}
	w.close = append(w.close, w.pg.Close)
	return nil
}

// setUp makes the tables of all ways, and those that are only read.
func (w *world) setUp(ctx context.Context) error {
	sql := []string{
		"CREATE TABLE never (v bigint)", "INSERT INTO never VALUES (0)",
		fmt.Sprintf(table, dropped), fmt.Sprintf(table, aged),
		"CREATE TABLE zoned (at timestamptz)", "INSERT INTO zoned VALUES ('2026-01-01 00:00+00')",
		`CREATE TABLE blobs (k bytea, id int)`, `INSERT INTO blobs VALUES ('A', 1), ('\\x41', 2)`,
	}
	for _, way := range ways() {
		sql = append(sql, way.setup)
	}
	if _, err := w.other.Exec(ctx, strings.Join(sql, ";\n")); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	return nil
}

// keep puts the cache before the handle.
func (w *world) keep(context.Context) (err error) {
	w.cache, err = querycache.New(&querycache.Options{
		Scope: func(ctx context.Context) (string, bool) { return tenantOf(ctx), true },
		OnLookup: func(ctx context.Context, l querycache.Lookup) {
			if why, ok := ctx.Value(reasonKey{}).(*querycache.Reason); ok {
				*why = l.Reason
			}
		},
	})
	if err != nil {
		return err
	}
	w.close = append(w.close, w.cache.Close)
	policies := querycache.ByName{"": {TTL: time.Minute}, agedName: {TTL: maxAge}}
	if w.reads, err = w.cache.ReadThrough(w.pg, policies); err != nil {
		return err
	}
	if _, err = w.cache.Follow(w.pg); err != nil {
		return err
	}
	bare, err := querycache.New(nil)
	if err != nil {
		return err
	}
	w.close = append(w.close, bare.Close)
	w.bare, err = bare.ReadThrough(w.other, querycache.Policy{TTL: time.Minute})
	return err
}
