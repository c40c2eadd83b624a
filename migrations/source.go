package migrations

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/pressly/goose/v3"
)

// A source is a migration file.
type source struct {
	version int64
	file    string
}

// readSources lists the migrations at the root of files in ascending order. It
// is stricter than goose, which skips an .sql file with an invalid name and so
// never applies the migration.
func readSources(files fs.FS) ([]source, error) {
	if files == nil {
		return nil, errors.New("read migrations: files is nil")
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	if len(names) == 0 {
		return nil, noSources(files)
	}
	byVersion := make(map[int64]string, len(names))
	sources := make([]source, 0, len(names))
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, fmt.Errorf("read migrations: %s: want a name of digits, an underscore and a description, as in 00001_cities.sql: %w", name, err)
		}
		if other, taken := byVersion[version]; taken {
			return nil, fmt.Errorf("read migrations: %s and %s both have version %d", other, name, version)
		}
		byVersion[version] = name
		sources = append(sources, source{version: version, file: name})
	}
	slices.SortFunc(sources, func(a, b source) int { return cmp.Compare(a.version, b.version) })
	return sources, nil
}

// noSources explains why files has no migrations at its root; usually the files
// of an embed.FS are in a folder.
func noSources(files fs.FS) error {
	found, err := fs.Glob(files, "*/*.sql")
	if err != nil || len(found) == 0 {
		return errors.New("read migrations: files has no *.sql file at its root")
	}
	dir := path.Dir(found[0])
	return fmt.Errorf("read migrations: files has no *.sql file at its root, but in %s: pass fs.Sub(files, %q)", dir, dir)
}
