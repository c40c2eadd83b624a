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

// Applied describes a migration that Up applied, or that Down reverted.
type Applied struct {
	Version  int64         // the number at the begin of the file's name
	File     string        // the file's name
	Duration time.Duration // including the time to record it
}

// Up applies every migration in files that the database lacks, in ascending
// order of versions, each in a transaction of its own unless the file says "--
// +goose NO TRANSACTION". It returns the migrations that it applied, which may
// be none.
//
// The migrations are at the root of files; use [fs.Sub] for a folder of an
// [embed.FS]. Up ignores versions that the database has and files lacks: an
// older program may start alongside a newer one. A file with a version below
// one that is already applied is an error, since its author tested it on a
// schema that this database no longer has.
//
// Any number of processes may call Up concurrently; see the package
// documentation. When a migration fails, Up returns the migrations applied
// before it, and an error that names file and line and wraps the server's
// *pgconn.PgError. A failed migration has no effect, unless it ran without a
// transaction.
func Up(ctx context.Context, pool Pool, files fs.FS) ([]Applied, error) {
	under, err := poolOf(pool)
	if err != nil {
		return nil, err
	}
	applied, err := up(ctx, under, files, history{table: goose.DefaultTablename, lockID: userLock})
	return applied, packageError(err)
}

// Down reverts every applied migration above the given version, newest first;
// Down to 0 reverts all. It returns the reverted migrations, and waits, fails
// and reports as [Up] does. If an applied version to revert is missing in
// files, Down reverts nothing and returns an error that names it.
func Down(ctx context.Context, pool Pool, files fs.FS, version int64) ([]Applied, error) {
	under, err := poolOf(pool)
	if err != nil {
		return nil, err
	}
	applied, err := down(ctx, under, files, version)
	return applied, packageError(err)
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

// report converts goose's results and error.
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
