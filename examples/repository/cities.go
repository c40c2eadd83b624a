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

// Cities is the repository; the rest of the program contains no SQL. The handle
// that a method uses determines how fresh its result is.
type Cities struct {
	pg    *db.DB                  // reads the current state
	reads *querycache.ReadThrough // results may be as old as their policies allow
}

// NewCities returns a repository on a database and a cache that follows it.
func NewCities(pg *db.DB, cache *querycache.Cache) (*Cities, error) {
	reads, err := cache.ReadThrough(pg, policies)
	if err != nil {
		return nil, err
	}
	return &Cities{pg: pg, reads: reads}, nil
}

// ErrUnknownCity is returned for a city that does not exist.
var ErrUnknownCity = errors.New("unknown city")

// ByID returns one city.
func (c *Cities) ByID(ctx context.Context, id int32) (City, error) {
	city, err := cityByID.One(ctx, c.reads, id)
	return city, known(id, err)
}

// OfCountry returns a page of the cities of a country, the largest first.
func (c *Cities) OfCountry(ctx context.Context, country string, at db.Cursor, limit int) (db.Page[City], error) {
	return citiesOfCountry.Page(ctx, c.reads, largestFirst, at, limit, country)
}

// Save inserts or updates cities with one statement.
func (c *Cities) Save(ctx context.Context, cities ...City) (batchinsert.Counts, error) {
	return rows.Upsert(ctx, c.pg, batchinsert.Rows(cities), batchinsert.OnConflict{Keys: []string{"id"}})
}

// Merge merges one city into another and returns the result. Concurrent merges
// may deadlock; InTx then retries one of them.
func (c *Cities) Merge(ctx context.Context, from, into int32) (merged City, err error) {
	err = c.pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error {
		merged, err = merge(ctx, tx, from, into)
		return err
	})
	return merged, err
}

// merge is Merge in a transaction of the caller. Reads in the transaction see
// its own writes and never use the cache.
func merge(ctx context.Context, tx pgx.Tx, from, into int32) (City, error) {
	removed, err := removeCity.One(ctx, tx, from)
	if err != nil {
		return City{}, known(from, err)
	}
	merged, err := addPeople.One(ctx, tx, into, removed.Population)
	return merged, known(into, err)
}

// known adds the city to an error, and replaces pgx.ErrNoRows with
// ErrUnknownCity.
func known(id int32, err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrUnknownCity
	}
	if err != nil {
		return fmt.Errorf("city %d: %w", id, err)
	}
	return nil
}
