package main

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/examples/shared/geonames"
	"github.com/headrace/headrace/migrations"
)

//go:embed schema/*.sql
var schema embed.FS

// migrate creates the tables.
func (d *demo) migrate(ctx context.Context) error {
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return err
	}
	applied, err := migrations.Up(ctx, d.pg.Pool(), files)
	if err != nil {
		return err
	}
	for _, a := range applied {
		d.say("migrated: %s", a.File)
	}
	return nil
}

// load copies the cities from their file.
func (d *demo) load(ctx context.Context) error {
	report, err := batchinsert.Load(ctx, d.pg, "cities", batchinsert.CSV(bytes.NewReader(geonames.CSV)), &batchinsert.LoadOptions{
		Name:     "cities.csv.gz",
		Progress: func(p batchinsert.Progress) { bar(d.out, p) },
	})

	if err != nil {
		return err
	}
	d.facts.LoadSeconds = report.Elapsed.Seconds()
	d.facts.LoadRowsPerSecond = float64(report.Rows) / report.Elapsed.Seconds()
	d.facts.Loaded, err = db.One[int64](ctx, d.pg, db.SQL(`SELECT count(*) FROM cities`))
	d.say("loaded %d cities in %.2f s: %.0f rows/s", d.facts.Loaded, d.facts.LoadSeconds, d.facts.LoadRowsPerSecond)
	return err
}

// bar draws the progress of a load over the last line.
func bar(w io.Writer, p batchinsert.Progress) {
	const width = 40
	share := 0.0
	switch {
	case p.Done:
		share = 1
	case p.TotalBytes > 0:
		share = min(float64(p.Bytes)/float64(p.TotalBytes), 1)
	}
	full := int(share * width)
	fmt.Fprintf(w, "\r  [%s%s] %3.0f %%  %d rows", strings.Repeat("=", full), strings.Repeat(" ", width-full), share*100, p.Rows)
	if p.Done {
		fmt.Fprintln(w)
	}
}

// upsert writes 1,000 cities. Half of them exist already.
func (d *demo) upsert(ctx context.Context) error {
	rows, err := someCities.All(ctx, d.pg, 500)
	if err != nil {
		return err
	}
	for i := range 500 {
		rows[i].Population++
		added := rows[i]
		added.ID += 1_000_000_000
		rows = append(rows, added)
	}
	counts, err := cities.Upsert(ctx, d.pg, batchinsert.Rows(rows), batchinsert.OnConflict{Keys: []string{"id"}})
	if err != nil {
		return err
	}
	d.facts.Inserted, d.facts.Updated, d.facts.Unchanged = counts.Inserted, counts.Updated, counts.Unchanged
	d.say("upserted 1000 cities: %d inserted, %d updated, %d unchanged", counts.Inserted, counts.Updated, counts.Unchanged)
	return nil
}
