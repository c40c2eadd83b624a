// Command fleet loads one file with several processes. The chunks of the file
// are jobs of River (github.com/riverqueue/river), a job queue in the same
// database. One transaction plans the chunks and inserts their jobs, workers
// load one chunk per job, and one of the workers is killed. The command loads
// the cities of the world into a new database, on the server in DATABASE_URL or
// on one that it starts.
//
//	go run ./examples/fleet
//
// It checks its claims, and exits with status 1 if one does not hold.
//
// A job may run more than once, because its worker may end after the commit and
// before it completes the job. Therefore the ledger of the load records which
// chunks are in the table, and the queue only retries.
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

// workers is the number of processes.
const workers = 3

func main() {
	workIfAsked()
	program.Main("fleet", show)
}

func show(ctx context.Context, connString string, a *program.Report) error {
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
	a.Say("%s: %d chunks with a job each", path, chunks)

	a.Step("Work")
	if err := work(ctx, pg, connString, path, a); err != nil {
		return err
	}

	a.Step("Load the rest")
	report, err := finish(ctx, pg, path)
	if err != nil {
		return err
	}
	a.Say("%d rows were loaded before, %d now", report.Skipped, report.Rows)
	return check(ctx, pg, a)
}

// work runs the workers until no job is available, and kills one of them.
func work(ctx context.Context, pg *db.DB, connString, path string, a *program.Report) error {
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

// finish loads the missing chunks with one call, such as the chunk of the
// killed worker, whose job the queue would retry later.
func finish(ctx context.Context, pg *db.DB, path string) (batchinsert.Report, error) {
	file, err := os.Open(path)
	if err != nil {
		return batchinsert.Report{}, err
	}
	defer file.Close()
	return batchinsert.Load(ctx, pg, "cities", batchinsert.CSV(file), options())
}

func check(ctx context.Context, pg *db.DB, a *program.Report) error {
	var rows, ids, hands int
	err := pg.QueryRow(ctx, `SELECT count(*), count(DISTINCT id), (SELECT count(DISTINCT hand) FROM river_job, unnest(attempted_by) AS hand) FROM cities`).
		Scan(&rows, &ids, &hands)
	if err != nil {
		return err
	}
	a.Claim(rows == geonames.Cities && ids == rows, "%d cities, each once", rows)
	a.Claim(hands >= 2, "several workers loaded rows: %d", hands)
	return nil
}

// await retries until the condition holds.
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
			return fmt.Errorf("wait for the workers: %w", context.Cause(ctx))
		}
	}
}
