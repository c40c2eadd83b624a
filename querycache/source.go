package querycache

import (
	"context"
	"slices"
	"sync"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/changes"
	"github.com/headrace/headrace/internal/sqltext"
)

// A source is a handle that answers are loaded from.
type source struct {
	cache  *Cache
	pg     *db.DB
	handle cacheapi.Handle // of pg

	// effects tells what a statement does: Tracker.Effects. identify tells which
	// database the handle leads to, asking for it where need be: Tracker.Database.
	// current does not ask: Tracker.CurrentDatabase.
	effects  func(ctx context.Context, text *sqltext.Statement) (*changes.Effects, error)
	identify func(ctx context.Context) (*changes.Database, error)
	current  func() *changes.Database

	untrack func() // ends that the handle tells when it leads elsewhere

	mu        sync.Mutex
	followers int      // calls of Follow that have not been stopped; guarded by mu, as are
	stop      func()   // ends the subscription, if there is one
	doubts    []*doubt // told as in doubt, and not settled yet
}

// A doubt is a change in doubt, and who was told of it.
type doubt struct {
	change     changes.Change
	changelogs []*changelog // guarded by Cache.mu
}

func newSource(c *Cache, pg *db.DB) *source {
	handle := cacheapi.HandleOf(pg)
	t := handle.Tracker
	return &source{cache: c, pg: pg, handle: handle, effects: t.Effects, identify: t.Database, current: t.CurrentDatabase}
}

// track has the handle tell where it leads. Then what was kept of where it led
// before is dropped, before a connection that leads elsewhere is used: a server
// that was started again may have lost commits.
func (s *source) track() { s.untrack = s.handle.Tracker.TrackDatabase(s.invalidateDatabase) }

// invalidateDatabase drops what was kept of a database that the handle leads to no more.
func (s *source) invalidateDatabase(old *changes.Database) {
	if l := s.cache.knownChangelog(old); l != nil {
		l.invalidateAll()
	}
}

// handleChanges takes in changes that db.DB.OnChange tells of.
func (s *source) handleChanges(_ context.Context, changes []changes.Change) {
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

// handleChange takes in one change. s.mu is held.
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
		case c.State == changes.Resolved: // told as in doubt before anybody followed
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

// follow subscribes to the changes of the source's handle. What changed before
// was not seen, so it drops everything.
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

// unfollow ends a call of Follow. What is in doubt is listened to until it is
// settled: else its tables would stay in doubt.
func (s *source) unfollow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.followers--; s.followers == 0 && s.stop != nil && len(s.doubts) == 0 {
		s.stop()
		s.stop = nil
	}
}

// followed reports whether the source's changes are heard of.
func (s *source) followed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.followers > 0
}

// close ends the subscription, whoever asked for it. Nobody will tell any more
// how doubts were settled, so they end.
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
