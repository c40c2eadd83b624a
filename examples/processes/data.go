package main

import (
	"bytes"
	"context"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/examples/shared/geonames"
)

// country is the statement that the processes read. Without an index, the
// server reads all cities for it.
var country = db.MustCompile[total](`-- name: Country
	SELECT count(*) AS cities, coalesce(sum(population), 0) AS population FROM cities WHERE country = $1`)

type total struct {
	Cities     int64 `db:"cities"`
	Population int64 `db:"population"`
}

// grow adds a person to the largest city of a country, and thereby changes the
// total of the country.
const grow = `UPDATE cities SET population = population + 1
	WHERE id = (SELECT id FROM cities WHERE country = $1 ORDER BY population DESC, id LIMIT 1)`

// data names the countries that are read.
type data struct {
	usual []string // that all processes read over and over
	rare  []string // that are read first while Redis is away
}

// load fills the database.
func load(ctx context.Context, connString string) (*data, error) {
	pg, err := db.Open(ctx, connString, nil)
	if err != nil {
		return nil, err
	}
	defer pg.Close()
	_, err = pg.Exec(ctx, `CREATE TABLE cities (
    id integer PRIMARY KEY, name text NOT NULL, alt_name text, country text NOT NULL, feature_code text NOT NULL,
    admin_code text, population integer NOT NULL, longitude double precision NOT NULL, latitude double precision NOT NULL)`)
	if err != nil {
		return nil, err
	}
	if _, err := batchinsert.Load(ctx, pg, "cities", batchinsert.CSV(bytes.NewReader(geonames.CSV)), nil); err != nil {
		return nil, err
	}
	const usual, rare = 50, 10
	names, err := db.All[string](ctx, pg, db.SQL(`SELECT country FROM cities GROUP BY country ORDER BY count(*) DESC, country LIMIT $1`, usual+rare))
	if err != nil {
		return nil, err
	}
	return &data{usual: names[:usual], rare: names[usual:]}, nil
}
