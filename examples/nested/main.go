// Command nested executes a nested query, as in GraphQL: 1,000 areas with the
// largest cities of each. It uses resolvers that read one by one and resolvers
// that use a db.Loader, and counts the round trips. It loads the cities of the
// world into a new database, on the server in DATABASE_URL or on one that it
// starts.
//
//	go run ./examples/nested
//
// It checks its claims, and exits with status 1 if one does not hold.
package main

import (
	"context"
	"reflect"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/examples/shared/program"
)

// parents is the number of areas in the query.
const parents = 1000

func main() { program.Main("nested", show) }

func show(ctx context.Context, connString string, a *program.Report) error {
	if err := load(ctx, connString); err != nil {
		return err
	}
	counted := new(trips)
	pg, err := open(ctx, connString, counted)
	if err != nil {
		return err
	}
	defer pg.Close()

	m := &meter{Report: a, pg: pg, trips: counted}
	a.Step("One statement per parent")
	slow, err := m.run(ctx, oneByOne(pg))
	if err != nil {
		return err
	}
	a.Claim(m.last == 1+parents, "%d round trips: one for the parents and one for each parent's children", m.last)

	a.Step("A loader")
	loaded := together(pg)
	request := db.WithLoaderCache(ctx) // one per request
	fast, err := m.run(request, loaded)
	if err != nil {
		return err
	}
	a.Claim(m.last == 2, "%d round trips: one for the parents and one for all of their children", m.last)
	a.Claim(reflect.DeepEqual(slow, fast), "the results are equal")

	a.Step("The same query again in the same request")
	again, err := m.run(request, loaded)
	if err != nil {
		return err
	}
	a.Claim(m.last == 1, "%d round trip: the children come from the request's cache", m.last)
	a.Claim(reflect.DeepEqual(fast, again), "the results are equal")
	return nil
}

// A meter runs the query and counts round trips.
type meter struct {
	*program.Report
	pg    *db.DB
	trips *trips
	last  int64 // round trips of the last run
}

func (m *meter) run(ctx context.Context, cities resolver) ([]node, error) {
	before, begin := m.trips.n.Load(), time.Now()
	nodes, err := execute(ctx, m.pg, cities, parents)
	took := time.Since(begin)
	m.last = m.trips.n.Load() - before
	children := 0
	for _, n := range nodes {
		children += len(n.Cities)
	}
	m.Say("%d areas with %d cities in %v", len(nodes), children, took.Round(time.Millisecond))
	return nodes, err
}
