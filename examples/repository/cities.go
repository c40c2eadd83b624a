package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// Cities is the repository: the rest of the program knows no SQL. Which of its
// two handles a method uses says how fresh the answer is.
type Cities struct {
	pg    *db.DB                  // the truth
	reads *querycache.ReadThrough // may be as old as policies say
}

// NewCities returns the repository over a database and a cache that follows it.
func NewCities(pg *db.DB, cache *querycache.Cache) (*Cities, error) {
	reads, err := cache.ReadThrough(pg, policies)
	if err != nil {
		return nil, err
	}
	return &Cities{pg: pg, reads: reads}, nil
}

// ErrUnknownCity is the error for a city that is not there.
var ErrUnknownCity = errors.New("unknown city")

// ByID returns one city.
func (c *Cities) ByID(ctx context.Context, id int32) (City, error) {
	city, err := cityByID.One(ctx, c.reads, id)
	return city, known(id, err)
}

// OfCountry returns a page of a country's cities, the largest first. Next leads
// to the page after it.
func (c *Cities) OfCountry(ctx context.Context, country string, at db.Cursor, limit int) (db.Page[City], error) {
	return citiesOfCountry.Page(ctx, c.reads, largestFirst, at, limit, country)
}

// Save writes cities, whether they are there already or not, in one statement.
func (c *Cities) Save(ctx context.Context, cities ...City) (batchinsert.Counts, error) {
	return rows.Upsert(ctx, c.pg, batchinsert.Rows(cities), batchinsert.OnConflict{Keys: []string{"id"}})
}

// Merge makes one city part of another and returns what that has become. Two
// merges that meet may deadlock; InTx then runs one of them again.
func (c *Cities) Merge(ctx context.Context, from, into int32) (merged City, err error) {
	err = c.pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error {
		merged, err = merge(ctx, tx, from, into)
		return err
	})
	return merged, err
}

// merge is Merge in a transaction of the caller. Statements that run there see
// what it has done so far, and are never answered from a cache.
func merge(ctx context.Context, tx pgx.Tx, from, into int32) (City, error) {
	removed, err := removeCity.One(ctx, tx, from)
	if err != nil {
		return City{}, known(from, err)
	}
	merged, err := addPeople.One(ctx, tx, into, removed.Population)
	return merged, known(into, err)
}

// known names the city that an error is about, and makes no row the error of this
// package.
func known(id int32, err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrUnknownCity
	}
	if err != nil {
		return fmt.Errorf("city %d: %w", id, err)
	}
	return nil
}
