package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/examples/shared/geonames"
	"github.com/headrace/headrace/migrations"
)

// fill creates the tables of the first migration and fills them.
func fill(ctx context.Context, connString string) error {
	pg, err := db.Open(ctx, connString, nil)
	if err != nil {
		return err
	}
	defer pg.Close()
	files, err := faultSet{index: true}.schema()
	if err != nil {
		return err
	}
	if _, err := migrations.Up(ctx, pg.Pool(), files); err != nil {
		return err
	}
	csv, err := everySecond(geonames.CSV)
	if err != nil {
		return err
	}
	if _, err := batchinsert.Load(ctx, pg, "cities", batchinsert.CSV(csv), nil); err != nil {
		return err
	}
	if _, err := pg.Exec(ctx, `
		INSERT INTO stops (trip, position, city_id)
		SELECT 1 + (n - 1) / 20, 1 + (n - 1) % 20, id
		FROM (SELECT id, row_number() OVER (ORDER BY population DESC, id) AS n FROM cities) AS numbered
		WHERE n <= 20 * $1::int`, trips); err != nil {
		return err
	}
	_, err = pg.Exec(ctx, `ANALYZE cities, stops`) // autovacuum would take up to a minute
	return err
}

const trips = 200 // of 20 stops each

// everySecond returns the header and every second line of a compressed CSV
// file: half of the cities are enough, and loaded sooner.
func everySecond(compressed []byte) (*bytes.Buffer, error) {
	in, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	out := new(bytes.Buffer)
	lines := bufio.NewScanner(in)
	for n := 0; lines.Scan(); n++ {
		if n%2 == 0 {
			out.Write(lines.Bytes())
			out.WriteByte('\n')
		}
	}
	return out, lines.Err()
}
