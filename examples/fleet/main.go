// Command fleet loads one file by several processes. Its chunks are jobs of
// River (github.com/riverqueue/river), a job queue that lives in the same
// database: the chunks are planned and their jobs inserted in one transaction,
// workers load one chunk a job, and one of the workers is killed on the way. It
// uses the cities of the world and a database of its own, on the server of
// DATABASE_URL or on one that it starts.
//
//	go run ./examples/fleet
//
// It checks what it claims and exits with status 1 where a claim does not hold.
//
// A job may be run more than once: its worker may die after the commit, and
// before it has told the queue. So the load's own ledger, and not the queue, says
// which chunks are in the table, and the queue needs no more than to try again.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/examples/shared/geonames"
	"github.com/headrace/headrace/examples/shared/program"
)

// workers is how many processes load.
const workers = 3

func main() {
	workIfAsked()
	program.Main("fleet", show)
}

func show(ctx context.Context, connString string, a *program.Account) error {
	pg, err := db.Open(ctx, connString, nil)
	if err != nil {
		return err
	}
	defer pg.Close()
	if err := prepare(ctx, pg); err != nil {
		return err
	}
	path, err := unpacked()
	if err != nil {
		return err
	}
	defer os.Remove(path)

	a.Step("Plan")
	chunks, err := plan(ctx, pg, path)
	if err != nil {
		return err
	}
	a.Say("%s is %d chunks, and as many jobs", path, chunks)

	a.Step("Work")
	if err := work(ctx, pg, connString, path, a); err != nil {
		return err
	}

	a.Step("What the dead worker left")
	report, err := finish(ctx, pg, path)
	if err != nil {
		return err
	}
	a.Say("%d rows were there, %d had to be loaded", report.Skipped, report.Rows)
	return check(ctx, pg, a)
}

// work runs the workers until no job is left that one of them could take, and
// kills one of them meanwhile.
func work(ctx context.Context, pg *db.DB, connString, path string, a *program.Account) error {
	fleet := new(fleet)
	defer fleet.stop()
	for range workers {
		if err := fleet.start(ctx, connString, path); err != nil {
			return err
		}
	}
	if err := await(ctx, pg, `SELECT count(*) >= 5 FROM headrace.load_chunks WHERE loaded_at IS NOT NULL`); err != nil {
		return err
	}
	a.Say("killed worker %d", fleet.kill())
	return await(ctx, pg, `SELECT count(*) = 0 FROM river_job WHERE state IN ('available', 'retryable', 'scheduled')`)
}

// finish is the load as one call: it does what is missing, such as the chunk
// that a worker was at when it died, and whose job the queue takes up later.
func finish(ctx context.Context, pg *db.DB, path string) (batchinsert.Report, error) {
	file, err := os.Open(path)
	if err != nil {
		return batchinsert.Report{}, err
	}
	defer file.Close()
	return batchinsert.LoadCSV(ctx, pg, "cities", file, options())
}

func check(ctx context.Context, pg *db.DB, a *program.Account) error {
	var rows, ids, hands int
	err := pg.QueryRow(ctx, `SELECT count(*), count(DISTINCT id), (SELECT count(DISTINCT hand) FROM river_job, unnest(attempted_by) AS hand) FROM cities`).
		Scan(&rows, &ids, &hands)
	if err != nil {
		return err
	}
	a.Claim(rows == geonames.Cities && ids == rows, "%d cities, each once", rows)
	a.Claim(hands >= 2, "by more than one worker: %d", hands)
	return nil
}

// await asks until the answer is yes.
func await(ctx context.Context, pg *db.DB, question string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		yes, err := db.One[bool](ctx, pg, db.SQL(question))
		if err != nil || yes {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the workers: %w", context.Cause(ctx))
		}
	}
}
