package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/examples/shared/geonames"
	"github.com/headrace/headrace/migrations"
)

// options are the options of the load, the same in each process.
func options() *batchinsert.LoadOptions {
	return &batchinsert.LoadOptions{ID: "cities", ChunkBytes: 200_000}
}

// prepare creates the table, the ledger and the queue.
func prepare(ctx context.Context, pg *db.DB) error {
	_, err := pg.Exec(ctx, `CREATE TABLE cities (
    id integer PRIMARY KEY, name text NOT NULL, alt_name text, country text NOT NULL, feature_code text NOT NULL,
    admin_code text, population integer NOT NULL, longitude double precision NOT NULL, latitude double precision NOT NULL)`)
	if err != nil {
		return err
	}
	if err := migrations.Install(ctx, pg.Pool()); err != nil {
		return err
	}
	queue, err := rivermigrate.New(riverpgxv5.New(pg.Pool()), nil)
	if err != nil {
		return err
	}
	_, err = queue.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// unpacked writes the cities to an uncompressed file, so that a worker can
// begin to read it in the middle.
func unpacked() (path string, err error) {
	file, err := os.CreateTemp("", "cities-*.csv")
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := gzip.NewReader(bytes.NewReader(geonames.CSV))
	if err != nil {
		return "", err
	}
	_, err = io.Copy(file, text) //nolint:gosec // the file is our own
	return file.Name(), err
}

// plan records the chunks and their jobs in one transaction.
func plan(ctx context.Context, pg *db.DB, path string) (n int, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	client, err := river.NewClient(riverpgxv5.New(pg.Pool()), &river.Config{})
	if err != nil {
		return 0, err
	}
	err = pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error {
		chunks, err := batchinsert.Plan(ctx, tx, "cities", batchinsert.CSV(file), options())
		if err != nil {
			return err
		}
		jobs := make([]river.InsertManyParams, len(chunks))
		for i, c := range chunks {
			jobs[i].Args = chunkArgs{Chunk: c.Index}
		}
		n = len(jobs)
		_, err = client.InsertManyTx(ctx, tx, jobs)
		return err
	})
	return n, err
}
