package pgtest_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			pgtest.Exec(t, pgtest.Pool(t), "CREATE TABLE mine (n int)")
		})
	}
}

func TestNewFromClonesATemplateMadeOnce(t *testing.T) {
	t.Parallel()
	var fills atomic.Int32
	script := pgtest.Script("CREATE TABLE numbers AS SELECT n FROM generate_series(1, 100) n")
	fill := func(ctx context.Context, connString string) error {
		fills.Add(1)
		return script(ctx, connString)
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
