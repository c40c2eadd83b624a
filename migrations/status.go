package migrations

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pressly/goose/v3"
)

// State describes one version.
type State struct {
	Version int64
	// File is the file's name; empty if only the database has the version.
	File string
	// AppliedAt is when it was applied, or the zero time. goose records it
	// without a time zone: it is correct if the session's TimeZone is the one
	// under which it was applied.
	AppliedAt time.Time
}

// Pending reports whether the migration is still to be applied.
func (s State) Pending() bool { return s.AppliedAt.IsZero() }

// Status lists every version in files or in the database, in ascending order.
// It only reads: it creates nothing, takes no lock, does not wait for a running
// migration, and works on a replica.
func Status(ctx context.Context, pool Pool, files fs.FS) ([]State, error) {
	sources, err := readSources(files)
	if err != nil {
		return nil, packageError(err)
	}
	under, err := poolOf(pool)
	if err != nil {
		return nil, err
	}
	times, err := appliedTimes(ctx, under, goose.DefaultTablename)
	if err != nil {
		return nil, packageError(err)
	}
	return mergeStates(sources, times), nil
}

// appliedTimes reads goose's table, which may not exist yet. It omits goose's
// version 0, which marks the creation of the table.
func appliedTimes(ctx context.Context, pool *pgxpool.Pool, table string) (map[int64]time.Time, error) {
	const doing = "read applied migrations: %w"
	var exists bool
	if err := pool.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, table).Scan(&exists); err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	times := make(map[int64]time.Time)
	if !exists {
		return times, nil
	}
	rows, err := pool.Query(ctx, `
		SELECT version_id, max(tstamp)::timestamptz
		FROM `+table+`
		WHERE is_applied AND version_id > 0
		GROUP BY version_id`)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	var version int64
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&version, &at}, func() error {
		times[version] = at
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	return times, nil
}

func mergeStates(sources []source, times map[int64]time.Time) []State {
	states := make([]State, 0, len(sources))
	for _, s := range sources {
		states = append(states, State{Version: s.version, File: s.file, AppliedAt: times[s.version]})
	}
	for version, at := range times {
		known := func(s source) bool { return s.version == version }
		if !slices.ContainsFunc(sources, known) {
			states = append(states, State{Version: version, AppliedAt: at})
		}
	}
	slices.SortFunc(states, func(a, b State) int { return cmp.Compare(a.Version, b.Version) })
	return states
}

// checkKnown returns an error if the file of a version to revert is missing.
// goose's own error does not name the version.
func (m *migrator) checkKnown(ctx context.Context, pool *pgxpool.Pool, version int64) error {
	times, err := appliedTimes(ctx, pool, m.history.table)
	if err != nil {
		return err
	}
	for _, s := range mergeStates(m.sources, times) {
		if s.File == "" && s.Version > version {
			return fmt.Errorf("migrate down to %d: version %d is applied, and no file has it", version, s.Version)
		}
	}
	return nil
}
