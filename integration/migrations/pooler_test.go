//go:build unix

package migrations_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/integration/pgbouncer"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/migrations"
)

// pooled returns the URL of a new database, and its URL through a pooler.
func pooled(t *testing.T, mode pgbouncer.Mode) (direct, through string) {
	t.Helper()
	direct = pgtest.New(t)
	bouncer := pgbouncer.New(t, direct, &pgbouncer.Options{Mode: mode})
	cfg, err := pgxpool.ParseConfig(direct)
	if err != nil {
		t.Fatal(err)
	}
	return direct, bouncer.ConnString(cfg.ConnConfig.Database) + "&default_query_exec_mode=exec"
}

func TestEightProcessesBehindAPooler(t *testing.T) {
	for _, mode := range []pgbouncer.Mode{pgbouncer.Session, pgbouncer.Transaction} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			direct, through := pooled(t, mode)
			applyOnce(t, through, direct)
		})
	}
}

// A process behind the pooler and one with a direct connection take the same
// lock.
func TestPoolerAndDirectConnectionsExcludeEachOther(t *testing.T) {
	t.Parallel()
	direct, through := pooled(t, pgbouncer.Transaction)
	holder, err := pgxpool.New(t.Context(), direct)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	conn, err := holder.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(t.Context(), `SELECT pg_advisory_lock($1)`, gooseLock); err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.New(t.Context(), through)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	if _, err := migrations.Up(ctx, pool, cities); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want context.DeadlineExceeded", err)
	}
}

// Behind a pooler the lock needs its own connection; a pool of one would wait
// for itself.
func TestPoolOfOneBehindAPooler(t *testing.T) {
	t.Parallel()
	_, through := pooled(t, pgbouncer.Transaction)
	pool, err := pgxpool.New(t.Context(), through+"&pool_max_conns=1")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	_, err = migrations.Up(t.Context(), pool, cities)
	if err == nil || !strings.Contains(err.Error(), "MaxConns is 1") {
		t.Errorf("error %v", err)
	}
}
