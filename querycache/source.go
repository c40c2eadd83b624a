package querycache

import (
	"context"
	"slices"
	"sync"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/rules"
)

// A source is a handle that answers are loaded from.
type source struct {
	cache *Cache
	pg    *db.DB

	// effects tells what a statement does: pg.Effects. identify tells which
	// database the handle leads to, asking for it where need be: pg.Database.
	// current does not ask: pg.CurrentDatabase.
	effects  func(ctx context.Context, text *db.Text) (*db.Effects, error)
	identify func(ctx context.Context) (*db.Database, error)
	current  func() *db.Database

	untrack func() // ends that the handle tells when it leads elsewhere

	mu        sync.Mutex
	followers int      // calls of Follow that have not been stopped; guarded by mu, as are
	stop      func()   // ends the subscription, if there is one
	doubts    []*doubt // told as in doubt, and not settled yet
}

// A doubt is a change in doubt, and who was told of it.
type doubt struct {
	change     db.Change
	changelogs []*changelog // guarded by Cache.mu
}

func newSource(c *Cache, pg *db.DB) *source {
	return &source{cache: c, pg: pg, effects: pg.Effects, identify: pg.Database, current: pg.CurrentDatabase}
}

// track has the handle tell where it leads. Then what was kept of where it led
// before is dropped, before a connection that leads elsewhere is used: a server
// that was started again may have lost commits.
func (s *source) track() { s.untrack = s.pg.TrackDatabase(s.invalidateDatabase) }

// invalidateDatabase drops what was kept of a database that the handle leads to no more.
func (s *source) invalidateDatabase(old *db.Database) {
	if l := s.cache.knownChangelog(old); l != nil && rules.Broken != rules.LivesEnd {
		l.invalidateAll()
	}
}

// handleChanges takes in changes that db.DB.OnChange tells of.
func (s *source) handleChanges(_ context.Context, changes []db.Change) {
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
func (s *source) handleChange(c db.Change) {
	var changelogs []*changelog
	switch {
	case c.State == db.InDoubt:
		d := &doubt{change: c}
		s.doubts = append(s.doubts, d)
		changelogs = s.cache.beginDoubt(d)
	case c.State == db.Settled || c.State == db.Unchanged:
		i := slices.IndexFunc(s.doubts, func(d *doubt) bool {
			return d.change.Table == c.Table && d.change.Inherited == c.Inherited && d.change.All == c.All
		})
		switch {
		case i >= 0:
			changelogs = s.cache.endDoubt(s.doubts[i])
			s.doubts = slices.Delete(s.doubts, i, i+1)
		case c.State == db.Settled: // told as in doubt before anybody followed
			c.State = db.Committed
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
	s.mu.Lock()
	if s.stop == nil {
		if s.stop, err = s.pg.OnChange(s.handleChanges); err != nil {
			s.mu.Unlock()
			return nil, err
		}
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
		d.change.State = db.Settled
		for _, l := range s.cache.endDoubt(d) {
			l.apply(d.change)
		}
	}
	s.doubts = nil
}
