package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/headrace/headrace/db"
)

// An Area is a state, province or region of a country.
type Area struct {
	Code       string // such as "US.CA"
	Country    string
	Population int64
}

// A City lies in an area.
type City struct {
	ID         int32
	Area       string
	Name       string
	Population int32
}

var (
	largestAreas = db.MustCompile[Area](`-- name: LargestAreas
		SELECT code, country, population FROM areas ORDER BY population DESC, code LIMIT $1`)

	citiesOfArea = db.MustCompile[City](`-- name: CitiesOfArea
		SELECT id, area, name, population
		FROM cities
		WHERE area = $1
		ORDER BY population DESC, id
		LIMIT 10`)

	// The same for many areas: ten of each, with one index scan per area. To
	// read all children, WHERE area = ANY($1) suffices.
	citiesOfAreas = db.MustCompile[City](`-- name: CitiesOfAreas
		SELECT c.*
		FROM unnest($1::text[]) AS a (code)
		CROSS JOIN LATERAL (
			SELECT id, area, name, population
			FROM cities
			WHERE area = a.code
			ORDER BY population DESC, id
			LIMIT 10
		) c
		ORDER BY c.population DESC, c.id`)
)

// A resolver resolves the field "cities" of one area. A GraphQL server calls it
// for each area on a separate goroutine.
type resolver func(ctx context.Context, area string) ([]City, error)

// oneByOne reads the cities of each area with a separate statement.
func oneByOne(pg *db.DB) resolver {
	return func(ctx context.Context, area string) ([]City, error) {
		return citiesOfArea.All(ctx, pg, area)
	}
}

// together collects the areas with a Loader. A full batch is sent at once, as
// in this query; a smaller batch is sent when no key has been added for the
// window. The default of one millisecond suits a server. The window here is
// longer, so that a busy machine does not send a batch too early.
func together(pg *db.DB) resolver {
	areaOf := func(c City) string { return c.Area }
	return db.NewListLoader(pg, citiesOfAreas, areaOf, &db.LoaderOptions{MaxKeys: parents, Window: time.Second}).Load
}

// A node is an area with its cities.
type node struct {
	Area
	Cities []City
}

// execute executes
//
//	{ areas(first: n) { code country population cities(first: 10) { id name population } } }
//
// as a GraphQL server does, which knows only the resolver of a field.
func execute(ctx context.Context, pg *db.DB, cities resolver, n int) ([]node, error) {
	areas, err := largestAreas.All(ctx, pg, n)
	if err != nil {
		return nil, err
	}
	nodes, errs := make([]node, len(areas)), make([]error, len(areas))
	var fields sync.WaitGroup
	for i, area := range areas {
		nodes[i].Area = area
		fields.Go(func() { nodes[i].Cities, errs[i] = cities(ctx, area.Code) })
	}
	fields.Wait()
	return nodes, errors.Join(errs...)
}
