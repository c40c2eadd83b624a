//go:build unix

package pgbouncer_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/integration/pgbouncer"
	"github.com/headrace/headrace/integration/pgtest"
)

var t testing.TB // of the test

// Many clients share two server connections, which may change between
// transactions.
func ExampleNew() {
	direct, err := pgx.ParseConfig(pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	bouncer := pgbouncer.New(t, direct.ConnString(), &pgbouncer.Options{
		Mode:     pgbouncer.Transaction,
		Settings: map[string]string{"default_pool_size": "2"},
	})
	pool, err := pgxpool.New(t.Context(), bouncer.ConnString(direct.Database)+"&default_query_exec_mode=exec")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
}
