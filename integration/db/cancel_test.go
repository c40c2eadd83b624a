package db_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
)

// far is a statement with so many rows that reading them all would be
// noticeable: the server would fill its buffers many times.
const far = 20_000_000

var numbers = db.MustCompile[int64]("SELECT generate_series(1, $1::bigint)")

// leave lists the ways to leave a result early.
var leave = map[string]func(t *testing.T, q db.Querier) error{
	"Each": func(t *testing.T, q db.Querier) error {
		for _, err := range numbers.Each(t.Context(), q, far) {
			return err
		}
		return nil
	},
	"One": func(t *testing.T, q db.Querier) error {
		_, err := numbers.One(t.Context(), q, far)
		if errors.Is(err, db.ErrTooManyRows) {
			return nil
		}
		return fmt.Errorf("%w, want ErrTooManyRows", err)
	},
	"MaxRows": func(t *testing.T, q db.Querier) error {
		_, err := numbers.All(db.WithMaxRows(t.Context(), 5), q, far)
		if errors.Is(err, db.ErrTooManyRows) {
			return nil
		}
		return fmt.Errorf("%w, want ErrTooManyRows", err)
	},
	"Rows": func(t *testing.T, q db.Querier) error {
		rows, err := q.Query(t.Context(), numbers.SQL(), far)
		if err != nil {
			return err
		}
		rows.Next()
		rows.Close()
		return rows.Err()
	},
}

// A result that is left early is not read to its end, does not lose its
// connection, counts as no error, and cancels no later statement.
func TestLeavingEarlyStopsTheServer(t *testing.T) {
	t.Parallel()
	pg := open(t, nil)
	for name, left := range leave {
		for range 3 {
			if err := left(t, pg); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, st := range pg.Stats().Statements {
		if len(st.Errors) > 0 || st.Rows > 1 { // the server tells the number of rows at the end only
			t.Errorf("counted %+v", st)
		}
	}
	if stat := pg.Stat(); stat.AcquiredConns() != 0 || stat.NewConnsCount() > 2 {
		t.Errorf("%d connections are taken, %d were made", stat.AcquiredConns(), stat.NewConnsCount())
	}
}

// A statement that changes something runs to its end.
func TestLeavingEarlyStopsNoWrite(t *testing.T) {
	t.Parallel()
	const n = 100_000
	pg := open(t, nil, "CREATE TABLE w (n int)", "CREATE SEQUENCE s")
	for _, err := range db.Each[int](t.Context(), pg, db.SQL("INSERT INTO w SELECT generate_series(1, $1::int) RETURNING n", n)) {
		must(t)(nil, err)
		break
	}
	for _, err := range db.Each[int](t.Context(), pg, db.SQL("SELECT nextval('s')::int FROM generate_series(1, $1::int)", n)) {
		must(t)(nil, err)
		break
	}
	if written, counted := count(t, pg, "SELECT count(*)::int FROM w"), count(t, pg, "SELECT last_value::int FROM s"); written != n || counted != n {
		t.Errorf("%d rows written and %d numbers taken, want %d", written, counted, n)
	}
	err := pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error {
		for _, err := range numbers.Each(t.Context(), tx, n) {
			must(t)(nil, err)
			break
		}
		if n := count(t, tx, "SELECT 1"); n != 1 {
			return errors.New("the transaction cannot go on")
		}
		return nil
	})
	must(t)(nil, err)
}

// A cancel never affects another statement.
func TestLeavingEarlyCancelsNoOtherStatement(t *testing.T) {
	t.Parallel()
	hitsNothingElse(t, open(t, nil))
}

func hitsNothingElse(t *testing.T, pg *db.DB) {
	t.Helper()
	var workers sync.WaitGroup
	for worker := range 4 {
		workers.Go(func() {
			for i := range 20 {
				// Around the bound, where the result may end before the cancel comes.
				rows := 49_000 + (worker*20+i)*500
				for _, err := range numbers.Each(t.Context(), pg, rows) {
					must(t)(nil, err)
					break
				}
				if _, err := pg.Exec(t.Context(), "SELECT count(*) FROM generate_series(1, 3000)"); err != nil {
					t.Errorf("the statement after %d rows: %v", rows, err)
					return
				}
			}
		})
	}
	workers.Wait()
}
