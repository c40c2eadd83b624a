package advise

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/headrace/headrace/db"
)

// Schema reports indexes that no statement used since the server's statistics
// began, indexes that another index makes redundant, and foreign keys without
// an index, for all tables of the database that are not the server's own. It
// reads catalogs and statistics only.
//
// The statistics of a server do not include its replicas: an index that looks
// unused on the primary may serve reads there.
func Schema(ctx context.Context, pg *db.DB) ([]Advice, error) {
	if pg == nil {
		return nil, errNoHandle
	}
	var advice []Advice
	err := onSession(ctx, pg, (*Options)(nil).withDefaults(), func(s *session) error {
		var since time.Time
		if err := s.inCatalog(ctx, sinceQuery, &since); err != nil {
			return err
		}
		const own = `n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%') t`
		var tables []*table
		if err := s.inCatalog(ctx, tablesQuery+own, &tables); err != nil {
			return err
		}
		for _, t := range tables {
			advice = append(advice, t.schemaAdvice(since)...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("advise: schema: %w", err)
	}
	slices.SortStableFunc(advice, func(a, b Advice) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.SQL, b.SQL))
	})
	// Each partition has the foreign keys of its table.
	return slices.CompactFunc(advice, func(a, b Advice) bool { return a.Kind == b.Kind && a.SQL == b.SQL }), nil
}

// sinceQuery returns when the statistics of the database began: when they were
// reset, or else when the server started, which is the latest that they can
// have begun.
const sinceQuery = `SELECT to_json(coalesce(stats_reset, pg_postmaster_start_time()))
	FROM pg_stat_database WHERE datname = current_database()`

func (t *table) schemaAdvice(since time.Time) []Advice {
	var out []Advice
	for i := range t.Indexes {
		x := &t.Indexes[i]
		if by := t.duplicates(x); by != nil {
			out = append(out, Advice{
				Kind: DuplicateIndex, Table: t.label(),
				Title:    fmt.Sprintf("Index %s of %s serves nothing that %s does not serve", quoted(x.Name), t.label(), quoted(by.Name)),
				Evidence: fmt.Sprintf("It takes %s kB, and each write maintains both. Used %d times since %s.", number(float64(x.Bytes)/1024), x.Scans, day(since)),
				Do:       "Drop it.",
				SQL:      "DROP INDEX CONCURRENTLY " + qualified(t.Schema, x.Name),
			})
			continue
		}
		if x.Scans > 0 || x.Unique || x.Constraint || !x.Valid || x.Bytes < minPages*8192 || t.isForForeignKey(x) || t.Root != "" {
			continue
		}
		out = append(out, Advice{
			Kind: UnusedIndex, Table: t.label(),
			Title:    fmt.Sprintf("Index %s of %s was never used", quoted(x.Name), t.label()),
			Evidence: fmt.Sprintf("No scan since %s. It takes %s kB, and each write maintains it.", day(since), number(float64(x.Bytes)/1024)),
			Do:       "Drop it if that time covers all work, such as reports at the end of a month, and if no replica uses it.",
			SQL:      "DROP INDEX CONCURRENTLY " + qualified(t.Schema, x.Name),
		})
	}
	for _, fk := range t.ForeignKeys {
		if a, ok := fk.advice(t); ok {
			out = append(out, a)
		}
	}
	return out
}

func day(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 UTC") }

// duplicates returns an index that serves everything that x serves, nil if
// there is none. Of two equal indexes the one with the later name is the
// duplicate, unless only that one is unique or of a constraint.
func (t *table) duplicates(x *index) *index {
	if x.Constraint || x.Unique || !x.isUsable() || t.Root != "" {
		return nil
	}
	for i := range t.Indexes {
		by := &t.Indexes[i]
		if by.Name == x.Name || !by.isUsable() || by.Predicate != x.Predicate || len(by.Keys) < len(x.Keys) {
			continue
		}
		if !slices.Equal(by.Keys[:len(x.Keys)], x.Keys) || !contains(by, x.Include) {
			continue
		}
		isEqual := len(by.Keys) == len(x.Keys) && len(by.Include) == len(x.Include) && !by.Unique && !by.Constraint
		if !isEqual || by.Name < x.Name {
			return by
		}
	}
	return nil
}

// contains reports whether the index contains the values of columns.
func contains(x *index, columns []string) bool {
	for _, name := range columns {
		if !slices.Contains(x.Include, name) && !slices.ContainsFunc(x.Keys, func(k indexKey) bool { return k.Column == name }) {
			return false
		}
	}
	return true
}

// isForForeignKey reports whether the index serves a foreign key of the table.
func (t *table) isForForeignKey(x *index) bool {
	return slices.ContainsFunc(t.ForeignKeys, func(fk foreignKey) bool {
		return len(fk.Columns) <= len(x.Keys) && !slices.ContainsFunc(x.Keys[:len(fk.Columns)], func(k indexKey) bool {
			return !slices.Contains(fk.Columns, k.Column)
		})
	})
}
