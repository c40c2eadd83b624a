package cached

import (
	"context"
	"fmt"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/benchmarks/internal/shop"
)

// A tierQuery reads values of type V by numbers, in the same order again and
// again. There are too many of them for littleMemory, so that memory serves
// none.
type tierQuery[V any] struct {
	name   string
	values int
	rows   int  // in a value
	slow   bool // on the server: subjects do not run equally often, so there are no ratios
	read   func(ctx context.Context, q db.Querier, n int) (V, error)
	wrong  func(n int, value V) bool
}

// op reads the next value by get, and checks it.
func (q tierQuery[V]) op(get func(ctx context.Context, n int) (V, error)) measure.Op {
	next := 0
	return func(ctx context.Context) (measure.Seen, error) {
		n := next % q.values
		next++
		value, err := get(ctx, n)
		if err == nil && q.wrong(n, value) {
			err = fmt.Errorf("%s: value %d is another one: %+v", q.name, n, value)
		}
		return measure.Seen{Rows: q.rows}, err
	}
}

// each calls f with all values, as the server has them.
func (q tierQuery[V]) each(ctx context.Context, connString string, f func(n int, value V) error) error {
	pg, err := openDB(ctx, connString)
	if err != nil {
		return err
	}
	defer pg.Close()
	for n := range q.values {
		value, err := q.read(ctx, pg, n)
		if err == nil {
			err = f(n, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pagesByTier are pages of 50 rows by the primary key.
var pagesByTier = tierQuery[[]shop.Order12]{
	name: "page50", values: 100, rows: 50,
	read: func(ctx context.Context, q db.Querier, n int) ([]shop.Order12, error) {
		return pageAfter.All(ctx, q, int64(50*n))
	},
	wrong: func(n int, page []shop.Order12) bool { return len(page) != 50 || page[49].ID != int64(50*n+50) },
}

var pageAfter = db.MustCompile[shop.Order12]("SELECT " + columns + " FROM orders WHERE id > $1 ORDER BY id LIMIT 50")

// keysByTier are rows by the primary key.
var keysByTier = tierQuery[shop.Order12]{
	name: "key", values: 2000, rows: 1,
	read: func(ctx context.Context, q db.Querier, n int) (shop.Order12, error) {
		return orderByID.One(ctx, q, int64(n+1))
	},
	wrong: func(n int, row shop.Order12) bool { return row.ID != int64(n+1) },
}

// total is a row of an aggregate over orders.
type total struct {
	Status   string    `db:"status"`
	Priority int16     `db:"priority"`
	Quantity int32     `db:"quantity"`
	Orders   int64     `db:"orders"`
	Revenue  float64   `db:"revenue"`
	Latest   time.Time `db:"latest"`
}

// totalsByTier are aggregates of 180 rows over nearly all orders.
var totalsByTier = tierQuery[[]total]{
	name: "aggregate", values: 100, rows: 180, slow: true,
	read: func(ctx context.Context, q db.Querier, n int) ([]total, error) {
		return totalsOf.All(ctx, q, int64(n))
	},
	wrong: func(_ int, all []total) bool {
		return len(all) != 180 || all[179].Orders == 0 || all[179].Latest.IsZero()
	},
}

var totalsOf = db.MustCompile[total](`SELECT status, priority, quantity, count(*) AS orders, sum(price) AS revenue, max(updated_at) AS latest
	FROM orders WHERE customer_id >= $1 GROUP BY status, priority, quantity ORDER BY status, priority, quantity`)
