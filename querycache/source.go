package querycache

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/catalog"
)

// A source is a handle that answers are loaded from.
type source struct {
	cache *Cache
	pg    *db.DB

	// effects tells what a statement does: pg.Effects. identify tells which
	// database of which server it is, and since when that runs: pg.Database.
	effects  func(ctx context.Context, text *db.Text) (catalog.Effects, error)
	identify func(ctx context.Context) (id string, started time.Time, err error)

	found atomic.Pointer[found] // nil until the server has told

	mu        sync.Mutex
	followers int    // calls of Follow that have not been stopped; guarded by mu, as are
	stop      func() // ends the subscription, if there is one
	owed      []owed // told as in doubt, and not settled yet
}

// found is what a server has told of the database behind a handle.
type found struct {
	home    *home
	id      string
	started time.Time
	conns   uint64 // connections that the handle had made by then
}

// An owed is a change in doubt, and who was told of it.
type owed struct {
	change db.Change
	homes  []*home
}

func newSource(c *Cache, pg *db.DB) *source {
	return &source{cache: c, pg: pg, effects: pg.Effects, identify: pg.Database}
}

// home returns the database behind the handle. It asks the server at the first
// time, and again where newest, the number of a connection, was made since: all
// connections are new once a server was started again, after a crash perhaps
// that lost commits, or once another one stands at its address. Then what was
// kept is dropped.
func (s *source) home(ctx context.Context, newest uint64) (*home, error) {
	old := s.found.Load()
	if old != nil && newest <= old.conns {
		return old.home, nil
	}
	now := &found{conns: s.pg.Connections()}
	var err error
	if now.id, now.started, err = s.identify(ctx); err != nil {
		return nil, err
	}
	s.cache.move(s, now)
	if old != nil && (old.id != now.id || !old.started.Equal(now.started)) {
		old.home.dropAll()
	}
	return now.home, nil
}

// hear takes in changes that db.DB.OnChange tells of.
func (s *source) hear(ctx context.Context, changes []db.Change) {
	homes := s.concerned(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range changes {
		s.take(c, homes)
	}
	if s.followers == 0 && len(s.owed) == 0 && s.stop != nil { // stopped while something was in doubt
		s.stop()
		s.stop = nil
	}
}

// concerned returns the databases that the handle's changes concern: its own,
// or all where that cannot be told.
func (s *source) concerned(ctx context.Context) []*home {
	if h, err := s.home(ctx, 0); err == nil {
		return []*home{h}
	}
	return s.cache.allHomes()
}

// take takes in one change. s.mu is held.
func (s *source) take(c db.Change, homes []*home) {
	switch {
	case c.State == db.InDoubt:
		s.owed = append(s.owed, owed{c, homes})
	case c.State == db.Settled:
		i := slices.IndexFunc(s.owed, func(o owed) bool { return o.change.Table == c.Table && o.change.All == c.All })
		if i >= 0 {
			homes = s.owed[i].homes
			s.owed = slices.Delete(s.owed, i, i+1)
		} else {
			c.State = db.Committed // told as in doubt before anybody followed
		}
	case s.followers == 0:
		return
	}
	for _, h := range homes {
		h.apply(c)
	}
}

// follow subscribes to the changes of the source's handle. What changed before
// was not seen, so it drops everything.
func (s *source) follow() (stop func(), err error) {
	s.mu.Lock()
	if s.stop == nil {
		if s.stop, err = s.pg.OnChange(s.hear); err != nil {
			s.mu.Unlock()
			return nil, err
		}
	}
	s.followers++
	first := s.followers == 1
	s.mu.Unlock()
	if first {
		s.dropAll()
	}
	return sync.OnceFunc(s.unfollow), nil
}

// dropAll drops what the handle's database has answered. Where that is not
// known nothing was kept.
func (s *source) dropAll() {
	if f := s.found.Load(); f != nil {
		f.home.dropAll()
	}
}

// unfollow ends a call of Follow. What is in doubt is listened to until it is
// settled: else its tables would stay in doubt.
func (s *source) unfollow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.followers--; s.followers == 0 && s.stop != nil && len(s.owed) == 0 {
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
	s.stop, s.followers = nil, 0
	for _, o := range s.owed {
		o.change.State = db.Settled
		for _, h := range o.homes {
			h.apply(o.change)
		}
	}
	s.owed = nil
}
