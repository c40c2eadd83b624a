package db_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
)

// Options.MaxRows applies to every read from the handle's connections.
func TestMaxRowsEverywhere(t *testing.T) {
	t.Parallel()
	pg := open(t, &db.Options{MaxRows: 5}, itemSchema...)
	stmt := db.MustCompile[item]("SELECT id, name FROM items")
	byID := db.MustCompile[item]("SELECT id, name FROM items WHERE id = ANY($1)")
	check := func(q anyQuerier) {
		t.Helper()
		if _, err := stmt.All(t.Context(), q); !errors.Is(err, db.ErrTooManyRows) {
			t.Errorf("All on a %T: error %v, want ErrTooManyRows", q, err)
		}
		if _, err := stmt.AppendTo(t.Context(), q, nil); !errors.Is(err, db.ErrTooManyRows) {
			t.Errorf("AppendTo on a %T: error %v, want ErrTooManyRows", q, err)
		}
		if _, err := db.All[item](t.Context(), q, db.SQL(stmt.SQL())); !errors.Is(err, db.ErrTooManyRows) {
			t.Errorf("built on a %T: error %v, want ErrTooManyRows", q, err)
		}
		if err := db.Gather(t.Context(), q, stmt.GatherAll()); !errors.Is(err, db.ErrTooManyRows) {
			t.Errorf("Gather on a %T: error %v, want ErrTooManyRows", q, err)
		}
		if all, err := stmt.All(db.WithMaxRows(t.Context(), 0), q); err != nil || len(all) != 10 {
			t.Errorf("without a bound on a %T: %d rows, error %v", q, len(all), err)
		}
		n := 0
		for _, err := range stmt.Each(db.WithMaxRows(t.Context(), 3), q) {
			must(t)(nil, err)
			n++
		}
		if n != 10 {
			t.Errorf("Each on a %T: %d rows: no bound is to count", q, n)
		}
		// What a Loader asks for together is not one read of its callers'.
		load := db.NewLoader(q, byID, func(i item) int { return i.ID }, nil)
		if all, err := load.LoadMany(db.WithMaxRows(t.Context(), 3), []int{1, 2, 3, 4, 5, 6, 7, 8, 9}); err != nil || len(all) != 9 {
			t.Errorf("Loader on a %T: %d values, error %v", q, len(all), err)
		}
	}
	conn, err := pg.Acquire(t.Context())
	must(t)(nil, err)
	defer conn.Release()
	for _, q := range []anyQuerier{pg, pg.Pool(), conn, conn.Conn()} {
		check(q)
	}
	must(t)(nil, pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error {
		check(tx)
		return nil
	}))
}
