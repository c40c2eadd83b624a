package changes

import (
	"context"
	"sync"
	"sync/atomic"
	"weak"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/catalog"
)

// A schemaState is what all handles know about a database's schema. Each commit
// that may have changed the schema increases its version. Effects are valid for
// a version. Effects of an older version are confirmed by a check, which
// compares the definitions that they depend on, or are examined again.
type schemaState struct {
	version atomic.Int64

	mu      sync.Mutex
	checked int64                   // the version of the last check; this and the fields below are guarded by mu
	changed int64                   // the version of the last check that found a change
	used    []weak.Pointer[effects] // effects that a check may confirm
	pruneAt int                     // length of used at which dead entries are removed
}

// schemaMayChange records that a commit to at may have changed the schema, and
// returns the new version. A nil at stands for any database.
func schemaMayChange(at *Database) int64 {
	if at != nil {
		return at.schema.version.Add(1)
	}
	for _, one := range databases.all() {
		one.schema.version.Add(1)
	}
	return 0
}

// add registers effects, so that checks confirm them.
func (s *schemaState) add(e *effects) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.used) >= s.pruneAt {
		s.used = live(s.used)
		s.pruneAt = max(64, 2*len(s.used))
	}
	s.used = append(s.used, weak.Make(e))
}

func live(list []weak.Pointer[effects]) []weak.Pointer[effects] {
	kept := list[:0]
	for _, one := range list {
		if e := one.Value(); e != nil && !e.outdated.Load() {
			kept = append(kept, one)
		}
	}
	clear(list[len(kept):])
	return kept
}

// unconfirmed returns the effects in use that are valid for an older version
// than the given one.
func (s *schemaState) unconfirmed(version int64) []*effects {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*effects
	for _, one := range s.used {
		if e := one.Value(); e != nil && !e.outdated.Load() && e.version.Load() < version {
			list = append(list, e)
		}
	}
	return list
}

// checkedSince reports whether the schema was checked since the given version,
// and whether that found a change of something in use.
func (s *schemaState) checkedSince(version int64) (checked, changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checked >= version, s.changed >= version
}

// check confirms the effects in use that are still valid, and returns the
// others.
func (s *schemaState) check(ctx context.Context, conn *pgx.Conn) (outdated []*effects, err error) {
	version := s.version.Load()
	list := s.unconfirmed(version)
	fingerprints, err := fingerprintsOf(ctx, conn, list)
	if err != nil {
		return nil, err
	}
	changed := false
	for i, e := range list {
		switch {
		case !e.comparable():
		case fingerprints[i] == e.full.Version:
			e.confirm(version)
			continue
		default:
			changed = true
		}
		e.outdated.Store(true)
		outdated = append(outdated, e)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checked = max(s.checked, version)
	if changed {
		s.changed = max(s.changed, version)
	}
	return outdated, nil
}

// fingerprintsOf returns the fingerprints of the dependencies of effects, in
// one query.
func fingerprintsOf(ctx context.Context, conn *pgx.Conn, list []*effects) ([]int64, error) {
	if len(list) == 0 {
		return nil, nil
	}
	sets := make([]catalog.Dependencies, len(list))
	for i, e := range list {
		if e.comparable() {
			sets[i] = e.full.Dependencies
		}
	}
	return catalog.Fingerprints(ctx, conn, sets)
}
