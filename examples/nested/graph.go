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

	// The same for many areas: ten of each, by as many looks into the index. Where
	// all children are wanted, WHERE area = ANY($1) does it.
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

// A resolver answers the field "cities" of one area. A GraphQL server calls it for
// each area on a goroutine of its own.
type resolver func(ctx context.Context, area string) ([]City, error)

// oneByOne asks for the cities of each area by a statement of its own.
func oneByOne(pg *db.DB) resolver {
	return func(ctx context.Context, area string) ([]City, error) {
		return citiesOfArea.All(ctx, pg, area)
	}
}

// together lets a Loader collect the areas. A batch is sent at once when it is
// full, as the one of this query is; one with fewer keys is sent when no further
// key has come for the window. In a server the default of a millisecond is right.
// Here a batch must not be sent early because the machine was busy.
func together(pg *db.DB) resolver {
	areaOf := func(c City) string { return c.Area }
	return db.NewListLoader(pg, citiesOfAreas, areaOf, &db.LoaderOptions{MaxKeys: parents, Window: time.Second}).Load
}

// A node is an area with its cities.
type node struct {
	Area
	Cities []City
}

// execute answers
//
//	{ areas(first: n) { code country population cities(first: 10) { id name population } } }
//
// the way a GraphQL server does: it knows no more of a field than its resolver.
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
