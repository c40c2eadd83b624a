package main

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
)

// A fault is a mistake that this service makes on purpose. README.md finds and
// mends them one by one.
type fault string

const (
	loop      fault = "loop"      // GET /trips/{id}: a statement for each row of another one
	index     fault = "index"     // GET /cities: no index for the condition
	hot       fault = "hot"       // GET /countries/{country}/largest: the same read again and again, uncached
	pool      fault = "pool"      // all routes: fewer connections than the load needs
	leak      fault = "leak"      // POST /cities/{id}/visits: a transaction that is not ended on one path
	unbounded fault = "unbounded" // GET /countries/{country}/cities: all rows at once
)

// A faultSet holds the faults that are planted.
type faultSet map[fault]bool

func all() faultSet {
	return faultSet{loop: true, index: true, hot: true, pool: true, leak: true, unbounded: true}
}

// planted returns the faults named by a list such as "loop,index" or "all",
// without those named by another list.
func planted(plant, mend string) (faultSet, error) {
	out, err := parseFaults(plant)
	if err != nil {
		return nil, err
	}
	mended, err := parseFaults(mend)
	if err != nil {
		return nil, err
	}
	for f := range mended {
		delete(out, f)
	}
	return out, nil
}

func parseFaults(list string) (faultSet, error) {
	out := make(faultSet)
	for name := range strings.SplitSeq(list, ",") {
		switch name = strings.TrimSpace(name); {
		case name == "" || name == "none":
		case name == "all":
			return all(), nil
		case all()[fault(name)]:
			out[fault(name)] = true
		default:
			return nil, fmt.Errorf("unknown fault %q: want some of %s, or all", name, all())
		}
	}
	return out, nil
}

// String lists the faults.
func (s faultSet) String() string {
	names := make([]string, 0, len(s))
	for _, f := range slices.Sorted(maps.Keys(s)) {
		names = append(names, string(f))
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// Each of the following functions makes its mistake first, and is right after
// that: the difference is what mends it.

// maxConns is the size of the pool.
func (s faultSet) maxConns() int32 {
	if s[pool] {
		return 2
	}
	return 16
}

//go:embed schema
var schema embed.FS

//go:embed schema/00001_cities.sql
var schemaWithoutIndex embed.FS

// schema returns the migrations that the service needs.
func (s faultSet) schema() (fs.FS, error) {
	if s[index] {
		return fs.Sub(schemaWithoutIndex, "schema")
	}
	return fs.Sub(schema, "schema")
}

// tripCities returns the cities of a trip, in the order of their stops.
func (s *service) tripCities(ctx context.Context, trip int32) ([]City, error) {
	if s.faults[loop] {
		stops, err := stopsOfTrip.All(ctx, s.pg, trip)
		if err != nil {
			return nil, err
		}
		cities := make([]City, len(stops))
		for i, id := range stops {
			if cities[i], err = cityByID.One(ctx, s.pg, id); err != nil {
				return nil, err
			}
		}
		return cities, nil
	}
	return citiesOfTrip.All(ctx, s.pg, trip)
}

// people returns the number of people in the cities of a country.
func (s *service) people(ctx context.Context, country string) (int64, error) {
	if s.faults[hot] {
		return peopleOfCountry.One(ctx, s.pg, country)
	}
	return peopleOfCountry.One(ctx, s.reads, country)
}

// countryCities returns cities of a country, the largest first.
func (s *service) countryCities(ctx context.Context, country string, at db.Cursor) (db.Page[City], error) {
	if s.faults[unbounded] {
		cities, err := citiesOfCountry.All(ctx, s.pg, country)
		return db.Page[City]{Items: cities}, err
	}
	return citiesOfCountry.Page(ctx, s.pg, largestFirst, at, pageSize, country)
}

// visit stores a visit to a city. It returns pgx.ErrNoRows if there is no such
// city.
func (s *service) visit(ctx context.Context, city int32) error {
	if s.faults[leak] {
		tx, err := s.pg.Begin(ctx)
		if err != nil {
			return err
		}
		if _, err := cityByID.One(ctx, tx, city); err != nil {
			s.leaked.limit(ctx, tx) // the example must go on
			return err              // without a Rollback
		}
		if _, err := addVisit.Exec(ctx, tx, city); err != nil {
			_ = tx.Rollback(ctx)
			return err
		}
		return tx.Commit(ctx)
	}
	return s.pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error {
		if _, err := cityByID.One(ctx, tx, city); err != nil {
			return err
		}
		_, err := addVisit.Exec(ctx, tx, city)
		return err
	})
}

// A leaked transaction was never ended. A service has nothing like it: it keeps
// the example going although it leaks, and lets it end.
type leaked struct {
	mu sync.Mutex
	tx pgx.Tx // nil if there is none; guarded by mu
}

// limit leaves a transaction open, or ends it if there is an open one already.
func (l *leaked) limit(ctx context.Context, tx pgx.Tx) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tx != nil {
		_ = tx.Rollback(ctx)
		return
	}
	l.tx = tx
}

// end ends the transaction.
func (l *leaked) end(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tx != nil {
		_ = l.tx.Rollback(ctx)
	}
}
