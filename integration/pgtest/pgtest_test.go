package pgtest_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			pool := pgtest.Pool(t)
			if _, err := pool.Exec(t.Context(), "CREATE TABLE mine (n int)"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestNewFromClonesATemplateMadeOnce(t *testing.T) {
	t.Parallel()
	var fills atomic.Int32
	fill := func(ctx context.Context, connString string) error {
		fills.Add(1)
		conn, err := pgx.Connect(ctx, connString)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		_, err = conn.Exec(ctx, "CREATE TABLE numbers AS SELECT n FROM generate_series(1, 100) n")
		return err
	}
	t.Run("clones", func(t *testing.T) {
		for i := range 4 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				pool := pgtest.PoolFrom(t, "numbers", fill)
				tag, err := pool.Exec(t.Context(), "DELETE FROM numbers")
				if err != nil || tag.RowsAffected() != 100 {
					t.Errorf("deleted %d rows, error %v; want the template's 100", tag.RowsAffected(), err)
				}
			})
		}
	})
	if n := fills.Load(); n != 1 {
		t.Errorf("template filled %d times, want once", n)
	}
}
