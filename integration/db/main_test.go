// Package db_test holds the tests of package db that need a server.
package db_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// open returns a handle to its own database, in which the given statements have
// been run.
func open(t *testing.T, opts *db.Options, setup ...string) *db.DB {
	t.Helper()
	return pgtest.Open(t, pgtest.New(t), opts, setup...)
}

// must fails the test if the error of a call with one result is not nil.
func must(t *testing.T) func(_ any, err error) {
	return func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// count returns the number that a statement returns.
func count(t *testing.T, q db.Querier, sql string, args ...any) int {
	t.Helper()
	n, err := db.One[int](context.WithoutCancel(t.Context()), q, db.SQL(sql, args...))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A handle has the methods that a *db.DB and a *pgxpool.Pool share.
type handle interface {
	db.Querier
	db.Execer
	db.Batcher
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error)
	BeginTx(ctx context.Context, opts pgx.TxOptions) (pgx.Tx, error)
	Ping(ctx context.Context) error
}
