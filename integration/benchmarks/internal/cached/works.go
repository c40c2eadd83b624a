package cached

import (
	"context"
	"fmt"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/benchmarks/internal/shop"
	"github.com/headrace/headrace/integration/benchmarks/internal/sqlcgen"
)

// Database is the database that works read.
type Database struct {
	ConnString string // filled by reads.Fill
	Orders     int    // at least
	Redis      string // an address; without one its subjects are left out
	Short      bool
}

// Works returns the works of cached reads. Hot keys stay in the CPU's caches,
// cold ones do not.
func Works(d Database) []measure.Work {
	const hot = 100
	connString := d.ConnString
	one := measure.Seen{Rows: 1}
	server := func(keys int) measure.Subject { return byKey("server", connString, keys, openServer) }
	cold := min(d.Orders, 100_000)
	works := []measure.Work{
		{Name: "cached/hot", Expect: one, Subjects: append(allByKey(connString, hot), server(hot))},
		{Name: "cached/cold", Expect: one, Subjects: append(allByKey(connString, cold), server(cold))},
		{Name: "cached/server-key", Expect: one, Subjects: []measure.Subject{
			byKey("headrace", connString, hot, openShared),
			server(hot),
		}},
		{Name: "cached/server-page50", Expect: measure.Seen{Rows: 50, Last: 50}, Subjects: []measure.Subject{
			page50("headrace", connString, openShared),
			page50("headrace-copy", connString, openCopying),
			page50("server", connString, openServer),
		}},
		{Name: "cached/sqlc", Expect: one, Subjects: []measure.Subject{
			throughSqlc("headrace", connString, openCopying),
			sqlcScan(connString),
			throughSqlc("server", connString, openServer),
		}},
		{Name: "cached/parallel", Subjects: allParallel(connString, d.Short)},
	}
	if d.Redis == "" {
		return works
	}
	for i := range works {
		w := &works[i]
		switch w.Name {
		case "cached/hot", "cached/server-key":
			w.Subjects = append(w.Subjects, redisByKey(connString, d.Redis, hot))
		case "cached/server-page50":
			w.Subjects = append(w.Subjects, redisPage50(connString, d.Redis))
		}
	}
	return works
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

func allParallel(connString string, short bool) []measure.Subject {
	hits := parallelHits
	if short {
		hits /= 20
	}
	subjects := []measure.Subject{parallel("headrace", connString, hits, openShared)}
	for _, p := range peers {
		subjects = append(subjects, parallel(p.name, connString, hits, p.openHandle))
	}
	return subjects
}

var orderPages = db.MustCompile[shop.Order12]("SELECT " + columns + " FROM orders")

var byID = db.Pager{Keys: []db.Order{db.Asc("id")}}

// page50 reads the same page each time.
func page50(name, connString string, open opener) measure.Subject {
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

// throughSqlc reads by code that sqlc generated, which is not aware of a cache.
func throughSqlc(name, connString string, open opener) measure.Subject {
	return measure.Subject{Name: name, Open: func(ctx context.Context) (measure.Op, func(), error) {
		h, err := open(ctx, connString, 100)
		if err != nil {
			return nil, nil, err
		}
		return readSqlc(sqlcgen.New(h.q.(sqlcgen.DBTX))), h.close, nil
	}}
}

const sqlcID = 42

func readSqlc(queries *sqlcgen.Queries) measure.Op {
	return func(ctx context.Context) (measure.Seen, error) {
		row, err := queries.OrderByID(ctx, sqlcID)
		if err == nil && row.ID != sqlcID {
			err = fmt.Errorf("asked for order %d, got %d", sqlcID, row.ID)
		}
		return measure.Seen{Rows: 1}, err
	}
}
