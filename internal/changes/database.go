package changes

import (
	"strings"
	"sync"
	"sync/atomic"
)

// A Database is one database of one server for as long as the server runs. All
// handles of the process that lead to it share one value, however they address
// it and whatever their roles may read: handles lead to the same database if
// and only if the values are equal.
//
// A server that starts again, or that goes on after a crash of one of its
// processes, may have lost commits (synchronous_commit = off). It is another
// value from then on, and so is another database that took the old one's name.
type Database struct {
	oid     string
	start   string                 // when the postmaster started, its port, and oid
	life    string                 // start, and since when statistics are kept: these begin anew after a crash
	system  atomic.Pointer[string] // system identifier and oid; nil while no role may read it
	joined  uint64                 // databases.tickets when this was found; guarded by databases.mu, as are
	handles map[*Tracker]struct{}

	gone   atomic.Bool // replaced, or left by all handles
	schema schemaState // what is known of its schema
}

// Concerns reports whether a change in the database may change what other
// holds: it is the same, an earlier or later life of it, a standby of it, or
// cannot be told from it.
func (a *Database) Concerns(other *Database) bool {
	if a == nil || other == nil || a == other {
		return true
	}
	own, others := a.system.Load(), other.system.Load()
	return a.oid != "" && a.oid == other.oid && (own == nil || others == nil || *own == *others)
}

// started returns when the database's server was started, in seconds since 1970,
// or "" for a nil or untracked one.
func (a *Database) started() string {
	if a == nil {
		return ""
	}
	at, _, _ := strings.Cut(a.start, ":")
	return at
}

// An identity is what a connection answers that is asked where it leads.
type identity struct {
	oid, start, life string
	system           string // "" where the role may not read it
	standby          bool
	backend          uint32 // the server's process
}

// systemKey is by what a place is found whose system identifier is known. Each
// standby is a server of its own.
func (p *identity) systemKey() string {
	if p.system == "" || !p.standby {
		return p.system
	}
	return p.system + " " + p.start
}

// databases are all that the process has a handle to. They are known by the
// system identifier, which some roles may not read, and by the start of the
// postmaster, which all may.
var databases = databaseTable{byKey: make(map[string]*Database)}

type databaseTable struct {
	tickets atomic.Uint64

	mu    sync.Mutex           // held also while handles take note of where they lead
	byKey map[string]*Database // guarded by mu
}

// place notes that the connection of the given number of d leads to p. ticket
// was drawn before p was asked for. It returns nil where the server may have
// started again since, so that it has to be asked once more.
func (t *databaseTable) place(d *Tracker, number uint64, p *identity, ticket uint64) *Database {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range []string{p.systemKey(), p.start} {
		known := t.byKey[key]
		if key == "" || known == nil || known.life == p.life {
			continue
		}
		if ticket < known.joined {
			return nil
		}
		t.replace(known)
	}
	found := t.byKey[p.start]
	if found == nil {
		found = &Database{oid: p.oid, start: p.start, life: p.life, joined: t.tickets.Add(1), handles: make(map[*Tracker]struct{})}
		t.byKey[p.start] = found
	}
	if key := p.systemKey(); key != "" {
		found.system.Store(&p.system)
		t.byKey[key] = found
	}
	if !d.closed.Load() {
		found.handles[d] = struct{}{}
		d.placed(found, number)
	}
	return found
}

// adopt notes that the connection of the given number of d, which was asked
// before, leads to a database.
func (t *databaseTable) adopt(d *Tracker, number uint64, at *Database) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !at.gone.Load() && !d.closed.Load() {
		at.handles[d] = struct{}{}
		d.placed(at, number)
	}
}

// displace notes that it is not known where the connection of the given number
// of d leads.
func (t *databaseTable) displace(d *Tracker, number uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	d.placed(nil, number)
}

// replace ends a database whose server started again. t.mu is held.
func (t *databaseTable) replace(old *Database) {
	t.remove(old)
	for d := range old.handles {
		if d.current.Load() == old {
			d.placed(nil, d.placedBy)
		}
	}
}

// remove forgets a database. t.mu is held.
func (t *databaseTable) remove(old *Database) {
	old.gone.Store(true)
	for key, known := range t.byKey {
		if known == old {
			delete(t.byKey, key)
		}
	}
}

// leave forgets a handle, and the databases that no other leads to.
func (t *databaseTable) leave(d *Tracker) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, known := range t.byKey {
		delete(known.handles, d)
		if len(known.handles) == 0 {
			t.remove(known)
		}
	}
}

// all returns all databases.
func (t *databaseTable) all() []*Database {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]*Database, 0, len(t.byKey))
	for _, known := range t.byKey {
		list = append(list, known) // some twice, which does no harm
	}
	return list
}
