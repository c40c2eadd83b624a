package querycache

import (
	"context"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/changes"
	"github.com/headrace/headrace/internal/sqltext"
)

// A source is a handle that results are loaded from.
type source struct {
	cache  *Cache
	pg     *db.DB
	handle cacheapi.Handle   // of pg
	mode   pgx.QueryExecMode // the default of pg's pool

	// effects is Tracker.Effects, which returns the effects of a statement.
	// identify is Tracker.Database, which returns the database of the handle
	// and may query the server. current is Tracker.CurrentDatabase, which does
	// not.
	effects  func(ctx context.Context, text *sqltext.Statement) (*changes.Effects, error)
	identify func(ctx context.Context) (*changes.Database, error)
	current  func() *changes.Database

	untrack  func() // undoes track
	sessions sessionKeys

	mu        sync.Mutex
	followers int      // calls of Follow that have not been stopped; guarded by mu
	stop      func()   // ends the subscription, if there is one; guarded by mu
	doubts    []*doubt // reported as in doubt, and not resolved yet; guarded by mu
}

// A doubt is a change in doubt, and the changelogs that have recorded it.
type doubt struct {
	change     changes.Change
	changelogs []*changelog // guarded by Cache.mu
}

func newSource(c *Cache, pg *db.DB) *source {
	handle := cacheapi.HandleOf(pg)
	t := handle.Tracker
	return &source{cache: c, pg: pg, handle: handle, mode: pg.Config().ConnConfig.DefaultQueryExecMode, effects: t.Effects, identify: t.Database, current: t.CurrentDatabase}
}

// track subscribes to changes of the database that the handle leads to. The
// entries of the old database are invalidated before a connection to the new
// one is used: a restarted server may have lost commits.
func (s *source) track() { s.untrack = s.handle.Tracker.TrackDatabase(s.invalidateDatabase) }

// invalidateDatabase invalidates the entries of a database that the handle no
// longer leads to.
func (s *source) invalidateDatabase(old *changes.Database) {
	if l := s.cache.knownChangelog(old); l != nil {
		l.invalidateAll()
	}
}

// handleChanges records changes that the handle reports.
func (s *source) handleChanges(_ context.Context, changes []changes.Change) {
	s.raiseChanges(changes) // before memory is invalidated: the next loads read the tiers
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range changes {
		s.handleChange(c)
	}
	if s.followers == 0 && len(s.doubts) == 0 && s.stop != nil { // stopped while something was in doubt
		s.stop()
		s.stop = nil
	}
}

// handleChange records one change. s.mu is held.
func (s *source) handleChange(c changes.Change) {
	var changelogs []*changelog
	switch {
	case c.State == changes.InDoubt:
		d := &doubt{change: c}
		s.doubts = append(s.doubts, d)
		changelogs = s.cache.beginDoubt(d)
	case c.State == changes.Resolved || c.State == changes.Unchanged:
		i := slices.IndexFunc(s.doubts, func(d *doubt) bool {
			return d.change.Table == c.Table && d.change.Inherited == c.Inherited && d.change.All == c.All
		})
		switch {
		case i >= 0:
			changelogs = s.cache.endDoubt(s.doubts[i])
			s.doubts = slices.Delete(s.doubts, i, i+1)
		case c.State == changes.Resolved: // in doubt since before Follow
			c.State = changes.Committed
			changelogs = s.cache.concerned(c.Database)
		}
	case s.followers > 0:
		changelogs = s.cache.concerned(c.Database)
	}
	for _, l := range changelogs {
		l.apply(c)
	}
}

// follow subscribes to the changes of the source's handle. It invalidates all
// entries, because earlier changes were not observed.
func (s *source) follow() (stop func(), err error) {
	if !s.handle.Observed {
		return nil, db.ErrUnobserved
	}
	s.mu.Lock()
	if s.stop == nil {
		s.stop = s.handle.Tracker.OnChange(s.handleChanges)
	}
	s.followers++
	first := s.followers == 1
	s.mu.Unlock()
	if first {
		s.invalidateDatabase(s.current())
	}
	return sync.OnceFunc(s.unfollow), nil
}

// unfollow ends a call of Follow. The subscription lasts until all changes in
// doubt are resolved; otherwise their tables would stay in doubt.
func (s *source) unfollow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.followers--; s.followers == 0 && s.stop != nil && len(s.doubts) == 0 {
		s.stop()
		s.stop = nil
	}
}

// followed reports whether the cache follows the source.
func (s *source) followed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.followers > 0
}

// close ends the subscription. It resolves all doubts as changes, because their
// outcomes will not be reported.
func (s *source) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		s.stop()
	}
	if s.untrack != nil {
		s.untrack()
	}
	s.stop, s.untrack, s.followers = nil, nil, 0
	for _, d := range s.doubts {
		d.change.State = changes.Resolved
		for _, l := range s.cache.endDoubt(d) {
			l.apply(d.change)
		}
	}
	s.doubts = nil
}
