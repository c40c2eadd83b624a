package querycache_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
)

// What a pool's hooks make of a caller's context needs a scope; the hook by
// which the handle keeps its own prepared statements does not.
func TestHooksThatNeedAScope(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil, minute)
	url := b.pg.Pool().Config().ConnString()
	pg, err := db.Open(t.Context(), url, &db.Options{Prepare: []db.Compiled{nameByID}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	if _, err := b.cache.ReadThrough(pg, minute); err != nil {
		t.Errorf("a handle with Options.Prepare: %v", err)
	}
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.PrepareConn = func(context.Context, *pgx.Conn) (bool, error) { return true, nil }
	for _, opts := range []*db.Options{nil, {Prepare: []db.Compiled{nameByID}}} {
		hooked, err := db.OpenConfig(t.Context(), cfg, opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(hooked.Close)
		if _, err := b.cache.ReadThrough(hooked, minute); err == nil || !strings.Contains(err.Error(), "Scope") {
			t.Errorf("a handle with a hook of the program's: %v", err)
		}
	}
}
