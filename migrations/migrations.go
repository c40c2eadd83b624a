package migrations

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pressly/goose/v3"
)

// Applied is one migration that was run.
type Applied struct {
	Version  int64         // the number its file's name begins with
	File     string        // the file's name
	Duration time.Duration // how long it took, the record of it included
}

// Up applies every migration in files that the database has not had yet, in the
// order of their versions, each in a transaction of its own unless the file says
// "-- +goose NO TRANSACTION". It returns those it applied: none, and no error,
// where nothing was left to do.
//
// files holds them at its root; what [embed.FS] puts into a folder is reached by
// [fs.Sub]. Versions that the database has and files has not are left alone: an
// older program may start beside a newer one. A file numbered below a version
// that is applied already is an error, since its author has seen a schema that
// this database no longer has.
//
// Any number of processes may call Up at once; see the package's text. When a
// migration fails, Up returns those applied before it, and an error that names
// file and line and wraps the server's *pgconn.PgError. The failed one leaves
// nothing behind, unless it ran without a transaction.
func Up(ctx context.Context, pool Pool, files fs.FS) ([]Applied, error) {
	under, err := poolOf(pool)
	if err != nil {
		return nil, err
	}
	applied, err := up(ctx, under, files, history{table: goose.DefaultTablename, lockID: userLock})
	return applied, oneLine(err)
}

// Down takes back every applied migration whose version is above the given one,
// newest first; Down to 0 takes back all. It returns those it took back, and
// waits, fails and reports as [Up] does. A version above it that is applied and
// missing from files is an error that names it, and nothing is taken back.
func Down(ctx context.Context, pool Pool, files fs.FS, version int64) ([]Applied, error) {
	under, err := poolOf(pool)
	if err != nil {
		return nil, err
	}
	applied, err := down(ctx, under, files, version)
	return applied, oneLine(err)
}

func down(ctx context.Context, pool *pgxpool.Pool, files fs.FS, version int64) ([]Applied, error) {
	h := history{table: goose.DefaultTablename, lockID: userLock}
	m, err := openMigrator(pool, files, h)
	if err != nil {
		return nil, err
	}
	defer m.close()
	if err := m.checkKnown(ctx, pool, version); err != nil {
		return nil, err
	}
	results, err := m.provider.DownTo(ctx, version)
	return m.report(fmt.Sprintf("migrate down to %d", version), results, err)
}

func up(ctx context.Context, pool *pgxpool.Pool, files fs.FS, h history) ([]Applied, error) {
	m, err := openMigrator(pool, files, h)
	if err != nil {
		return nil, err
	}
	defer m.close()
	results, err := m.provider.Up(ctx)
	return m.report("migrate up", results, err)
}

// report turns goose's results and its error into this package's.
func (m *migrator) report(doing string, results []*goose.MigrationResult, err error) ([]Applied, error) {
	if partial, ok := errors.AsType[*goose.PartialError](err); ok {
		results = partial.Applied
		err = m.explain(partial)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", doing, err)
	}
	var applied []Applied
	for _, r := range results {
		applied = append(applied, Applied{Version: r.Source.Version, File: r.Source.Path, Duration: r.Duration})
	}
	return applied, err
}
