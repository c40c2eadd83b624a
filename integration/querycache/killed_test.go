package querycache_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// TestKilledOwnConnections: while the server ends each connection on which it is
// asked what statements do, reads are answered, and it is asked again soon; once
// it does so no more, what is read is kept.
func TestKilledOwnConnections(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil, minute)
	var killing atomic.Bool
	var killed atomic.Int64
	killing.Store(true)
	_, reads := b.singly(func(cfg *pgxpool.Config) {
		cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
			if !killing.Load() || !strings.HasSuffix(conn.Config().RuntimeParams["application_name"], "headrace)") {
				return nil
			}
			killed.Add(1)
			_, err := b.other.Exec(ctx, "SELECT pg_terminate_backend($1, 5000)", conn.PgConn().PID())
			return err
		}
		cfg.ConnConfig.RuntimeParams["application_name"] = "program"
	})
	read := func() {
		if _, err := db.One[string](t.Context(), reads, db.SQL(nameOfCity, 1)); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(30 * time.Second)
	for killed.Load() < 30 {
		read()
		if time.Now().After(deadline) {
			t.Fatalf("%d tries only", killed.Load())
		}
	}
	killing.Store(false)
	for b.cache.Stats().Lookups[querycache.Hit] == 0 {
		read()
		if time.Now().After(deadline) {
			t.Fatalf("nothing is kept: %+v", reads.Explain(t.Context(), nameOfCity))
		}
	}
}
