package querycache_test

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// While the server kills each connection that examines statements, reads
// succeed and examination is retried. Afterwards results are stored.
func TestExaminationSurvivesKilledConnections(t *testing.T) {
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
			t.Fatalf("nothing is stored: %+v", reads.Explain(t.Context(), nameOfCity))
		}
	}
}

// After an outage, statements are examined as soon as the pool has a new
// connection.
func TestExaminationResumesAfterAnOutage(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil, minute)
	var refused atomic.Int64
	const most = 5 // after which the server is left alone for 16 s
	pg, reads := b.singly(func(cfg *pgxpool.Config) {
		cfg.BeforeConnect = func(_ context.Context, cfg *pgx.ConnConfig) error {
			if strings.HasSuffix(cfg.RuntimeParams["application_name"], "headrace)") && refused.Load() < most {
				cfg.DialFunc = func(context.Context, string, string) (net.Conn, error) {
					refused.Add(1)
					return nil, syscall.ECONNREFUSED
				}
			}
			return nil
		}
		cfg.ConnConfig.RuntimeParams["application_name"] = "program"
	})
	read := func() {
		if _, err := db.One[string](t.Context(), reads, db.SQL(nameOfCity, 1)); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(time.Minute); refused.Load() < most; time.Sleep(time.Millisecond) {
		read()
		if time.Now().After(deadline) {
			t.Fatalf("%d tries only", refused.Load())
		}
	}
	pg.Pool().Reset()
	for deadline := time.Now().Add(10 * time.Second); b.cache.Stats().Lookups[querycache.Hit] == 0; time.Sleep(time.Millisecond) {
		read()
		if time.Now().After(deadline) {
			t.Fatalf("nothing is stored: %+v", reads.Explain(t.Context(), nameOfCity))
		}
	}
}
