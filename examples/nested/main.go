// Command nested answers a nested query, as GraphQL has them: 1,000 areas with
// the largest cities of each. It does so by resolvers that ask one by one,
// and by resolvers that ask a db.Loader, and counts the round trips. It loads the
// cities of the world into a database of its own, on the server of DATABASE_URL
// or on one that it starts.
//
//	go run ./examples/nested
//
// It checks what it claims and exits with status 1 where a claim does not hold.
package main

import (
	"context"
	"reflect"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/examples/shared/program"
)

// parents is how many areas are asked for.
const parents = 1000

func main() { program.Main("nested", show) }

func show(ctx context.Context, connString string, a *program.Account) error {
	if err := load(ctx, connString); err != nil {
		return err
	}
	counted := new(trips)
	pg, err := open(ctx, connString, counted)
	if err != nil {
		return err
	}
	defer pg.Close()

	m := &meter{Account: a, pg: pg, trips: counted}
	a.Step("A statement for each parent")
	slow, err := m.run(ctx, oneByOne(pg))
	if err != nil {
		return err
	}
	a.Claim(m.last == 1+parents, "%d round trips: one for the parents and one for each parent's children", m.last)

	a.Step("A loader")
	loaded := together(pg)
	request := db.WithLoaderCache(ctx) // each request has one
	fast, err := m.run(request, loaded)
	if err != nil {
		return err
	}
	a.Claim(m.last == 2, "%d round trips: one for the parents and one for all of their children", m.last)
	a.Claim(reflect.DeepEqual(slow, fast), "the answers are the same")

	a.Step("The same once more in the same request")
	again, err := m.run(request, loaded)
	if err != nil {
		return err
	}
	a.Claim(m.last == 1, "%d round trip: the children are remembered", m.last)
	a.Claim(reflect.DeepEqual(fast, again), "the answers are the same")
	return nil
}

// A meter runs the query and counts.
type meter struct {
	*program.Account
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
