package migrations

import (
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// A history names the table of applied versions and the lock that guards it.
type history struct {
	table  string
	lockID int64
}

const (
	// userLock is goose's own, so that programs that use goose with its session
	// locker and programs that use this package wait for each other.
	userLock int64 = 4097083626
	// installLock guards headrace's own tables; the number is "headrace" in
	// ASCII.
	installLock int64 = 0x6865616472616365
)

// A migrator is a goose provider over a pool, for one call.
type migrator struct {
	provider *goose.Provider
	db       *sql.DB
	files    fs.FS
	sources  []source
	history  history
	trail    *trail
}

// openMigrator returns a migrator, which the caller must close.
func openMigrator(pool *pgxpool.Pool, files fs.FS, h history) (*migrator, error) {
	sources, err := readSources(files)
	if err != nil {
		return nil, err
	}
	locker, err := newLocker(pool, h.lockID)
	if err != nil {
		return nil, err
	}
	m := &migrator{
		db:      stdlib.OpenDBFromPool(pool),
		files:   files,
		sources: sources,
		history: h,
		trail:   &trail{},
	}
	m.provider, err = goose.NewProvider(goose.DialectPostgres, m.db, files,
		goose.WithTableName(h.table),
		goose.WithSessionLocker(locker),
		goose.WithDisableGlobalRegistry(true),
		// Verbose is for the trail only: nothing is printed.
		goose.WithVerbose(true),
		goose.WithSlog(slog.New(m.trail)),
	)
	if err != nil {
		m.close()
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return m, nil
}

// close releases the connections; the pool stays open. An error could only
// concern a connection that the pool replaces anyway.
func (m *migrator) close() { _ = m.db.Close() }
