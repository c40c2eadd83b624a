package querycache

import (
	"context"
	"math"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/catalog"
)

// A source is a database that answers are loaded from, and what is known of
// the changes to its tables.
//
// Changes have numbers, drawn from the cache's counter. A load notes the last
// number before it asks the server, and the answer carries it. An answer is
// fresh as long as each table it depends on changed last at or before that
// number. So an answer whose load began before a change was told is never
// handed out after it, however late it is stored.
type source struct {
	cache *Cache
	pg    *db.DB

	// effects tells what a statement does: pg.Effects.
	effects func(ctx context.Context, text *db.Text) (catalog.Effects, error)

	everything table // changed with each change that may concern any table
	anything   table // changed with every change, of whatever table

	mu        sync.Mutex
	byOID     map[uint32]*table    // guarded by mu, as are
	byName    map[tableName]*table // those that a program named
	followers int                  // calls of Follow that have not been stopped
	stop      func()               // ends the subscription, if there are any
}

// A table is one relation's place in the order of changes.
type table struct {
	tableName
	changed atomic.Uint64 // number of the last change; inDoubt while that is not settled
	doubts  int           // changes whose outcome is unknown; guarded by source.mu
}

// inDoubt is after every number: nothing that depends on the table is fresh.
const inDoubt = math.MaxUint64

func newSource(c *Cache, pg *db.DB) *source {
	return &source{cache: c, pg: pg, effects: pg.Effects, byOID: make(map[uint32]*table), byName: make(map[tableName]*table)}
}

// raise gives t the number of a new change. s.mu is held.
func (s *source) raise(t *table) {
	n := s.cache.changes.Add(1)
	if t.doubts == 0 {
		t.changed.Store(n)
	}
}

// doubt notes that t may have changed or may change yet. s.mu is held.
func (s *source) doubt(t *table) {
	if broken == doubtCounts {
		return
	}
	t.doubts++
	t.changed.Store(inDoubt)
}

// settle ends one doubt of t. s.mu is held.
func (s *source) settle(t *table) {
	t.doubts = max(0, t.doubts-1)
	s.raise(t)
}

// hear takes in changes that db.DB.OnChange tells of.
func (s *source) hear(_ context.Context, changes []db.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range changes {
		apply := s.raise
		switch c.State {
		case db.InDoubt:
			apply = s.doubt
		case db.Settled:
			apply = s.settle
		}
		apply(&s.anything)
		if c.All {
			apply(&s.everything)
			continue
		}
		changed := tableName{c.Table.Schema, c.Table.Name}
		apply(s.table(c.Table.OID, changed))
		for name, t := range s.byName {
			if name.matches(changed) {
				apply(t)
			}
		}
	}
}

// table returns the place of a relation, making one if there is none. s.mu is
// held. A relation's name may change; its oid is what counts.
func (s *source) table(oid uint32, name tableName) *table {
	t := s.byOID[oid]
	if t == nil {
		t = &table{tableName: name}
		s.byOID[oid] = t
	}
	return t
}

// A tableName is a relation's name. An empty schema stands for any.
type tableName struct{ schema, name string }

// parseTable reads a name with or without a schema. Names are taken as they
// are: without quotes, and in the case in which the server has them.
func parseTable(text string) tableName {
	if schema, name, ok := strings.Cut(text, "."); ok {
		return tableName{schema, name}
	}
	return tableName{"", text}
}

func (n tableName) matches(other tableName) bool {
	return n.name == other.name && (n.schema == other.schema || n.schema == "" || other.schema == "")
}

func (n tableName) String() string {
	if n.schema == "" {
		return n.name
	}
	return n.schema + "." + n.name
}

// needed returns the places of what a statement reads. Those that are new have
// no change yet, which is right: the caller notes the last change's number
// before it asks what the statement reads.
func (s *source) needed(reads []catalog.Relation, known bool, declared []string) []*table {
	tables := []*table{&s.everything}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range reads {
		tables = append(tables, s.table(r.OID, tableName{r.Schema, r.Name}))
	}
	for _, text := range declared {
		name := parseTable(text)
		t := s.byName[name]
		if t == nil {
			t = &table{tableName: name}
			s.byName[name] = t
		}
		tables = append(tables, t)
	}
	if !known && len(declared) == 0 {
		tables = append(tables, &s.anything)
	}
	return tables
}

// dropTables makes stale what depends on the named tables.
func (s *source) dropTables(tables []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raise(&s.anything)
	for _, text := range tables {
		name := parseTable(text)
		for _, t := range s.byOID {
			if name.matches(t.tableName) {
				s.raise(t)
			}
		}
		for declared, t := range s.byName {
			if name.matches(declared) {
				s.raise(t)
			}
		}
	}
}

// dropAll makes everything stale.
func (s *source) dropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raise(&s.everything)
	s.raise(&s.anything)
}

// follow subscribes to the changes of the source's handle. What changed before
// was not seen, so it drops everything.
func (s *source) follow() (stop func(), err error) {
	s.mu.Lock()
	if s.followers == 0 {
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

func (s *source) unfollow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.followers--; s.followers == 0 && s.stop != nil {
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

// close ends the subscription, whoever asked for it.
func (s *source) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		s.stop()
	}
	s.stop, s.followers = nil, 0
}
