package cached

import (
	"context"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/benchmarks/internal/shop"
	"github.com/headrace/headrace/integration/benchmarks/internal/sqlcgen"
)

// Works measure answered reads over a database that reads.Fill has filled with
// at least so many orders: hot keys stay in the CPU's caches, cold ones do not.
func Works(connString string, orders int) []measure.Work {
	one := measure.Seen{Rows: 1}
	return []measure.Work{
		{Name: "cached/hot", Expect: one, Subjects: allByKey(connString, 100)},
		{Name: "cached/cold", Expect: one, Subjects: allByKey(connString, min(orders, 100_000))},
		{Name: "cached/server-key", Expect: one, Subjects: []measure.Subject{
			byKey("headrace", connString, 100, openShared),
			byKey("server", connString, 100, openServer),
		}},
		{Name: "cached/server-page50", Expect: measure.Seen{Rows: 50, Last: 50}, Subjects: []measure.Subject{
			page50("headrace", connString, openShared),
			page50("headrace-copy", connString, openCopying),
			page50("server", connString, openServer),
		}},
		{Name: "cached/sqlc", Expect: one, Subjects: []measure.Subject{
			throughSqlc("headrace", connString, openCopying),
			throughSqlc("server", connString, openServer),
		}},
	}
}

func allByKey(connString string, keys int) []measure.Subject {
	subjects := []measure.Subject{
		byKey("headrace", connString, keys, openShared),
		byKey("headrace-copy", connString, keys, openCopying),
	}
	for _, p := range peers {
		subjects = append(subjects, byKey(p.name, connString, keys, p.openHandle))
	}
	return subjects
}

var orderPages = db.MustCompile[shop.Order12]("SELECT " + columns + " FROM orders")

// page50 reads one page again and again.
func page50(name, connString string, open opener) measure.Subject {
	byID := db.Pager{Keys: []db.Order{db.Asc("id")}}
	return measure.Subject{Name: name, Open: func(ctx context.Context) (measure.Op, func(), error) {
		h, err := open(ctx, connString, 100)
		if err != nil {
			return nil, nil, err
		}
		return func(ctx context.Context) (measure.Seen, error) {
			page, err := orderPages.Page(ctx, h.q, byID, "", 50)
			if err != nil {
				return measure.Seen{}, err
			}
			return measure.Seen{Rows: len(page.Items), Last: page.Items[len(page.Items)-1].ID}, nil
		}, h.close, nil
	}}
}

// throughSqlc reads by sqlc's generated code, which knows nothing of a cache.
func throughSqlc(name, connString string, open opener) measure.Subject {
	return measure.Subject{Name: name, Open: func(ctx context.Context) (measure.Op, func(), error) {
		h, err := open(ctx, connString, 100)
		if err != nil {
			return nil, nil, err
		}
		queries := sqlcgen.New(h.q.(sqlcgen.DBTX))
		return func(ctx context.Context) (measure.Seen, error) {
			_, err := queries.OrderByID(ctx, 42)
			return measure.Seen{Rows: 1}, err
		}, h.close, nil
	}}
}
