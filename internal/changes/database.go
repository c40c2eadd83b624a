package changes

import (
	"strings"
	"sync"
	"sync/atomic"
)

// A Database is one database of one server, for as long as the server runs. All
// handles of the process that lead to it share one value, whatever their
// addresses and roles: two handles lead to the same database if and only if the
// values are equal.
//
// A server that restarts, or recovers from a crash of one of its processes, may
// have lost commits (synchronous_commit = off). From then on it is another
// value, and so is another database that took the name of the old one.
type Database struct {
	oid     string
	start   string                 // start time of the postmaster, port and oid
	life    string                 // start, and the time of the last statistics reset, which a crash causes
	system  atomic.Pointer[string] // system identifier and oid; nil while no handle's role may read it
	standby atomic.Bool            // in recovery, as the last connection reported
	joined  uint64                 // databases.tickets when this was found; guarded by databases.mu
	handles map[*Tracker]struct{}  // that lead here; guarded by databases.mu

	gone   atomic.Bool // replaced, or without handles
	schema schemaState // what is known about its schema
}

// Concerns reports whether a change in the database may affect what is read
// from other: other is the same database, an earlier or later life of it, a
// standby of it, or indistinguishable from it.
func (a *Database) Concerns(other *Database) bool {
	if a == nil || other == nil || a == other {
		return true
	}
	own, others := a.system.Load(), other.system.Load()
	return a.oid != "" && a.oid == other.oid && (own == nil || others == nil || *own == *others)
}

// Server identifies the database and its server in all processes, until the
// server is restarted. It is "" for an unknown database.
func (a *Database) Server() string { return a.start }

// Life identifies the database in all processes, until its server is restarted
// or recovers from a crash, when it may have lost commits.
func (a *Database) Life() string { return a.life }

// Standby reports whether the server was in recovery when a connection was made
// last.
func (a *Database) Standby() bool { return a.standby.Load() }

// SchemaMayChange records that another process may have changed the schema:
// effects of statements are confirmed before they are used again.
func (a *Database) SchemaMayChange() { schemaMayChange(a) }

// started returns the start time of the database's server, in seconds since
// 1970, or "" for a nil or untracked database.
func (a *Database) started() string {
	if a == nil {
		return ""
	}
	at, _, _ := strings.Cut(a.start, ":")
	return at
}

// An identity is a connection's response to placeQuery.
type identity struct {
	oid, start, life string
	system           string // "" where the role may not read it
	standby          bool
	backend          uint32 // process id of the server's process
}

// systemKey returns the key of a database with a known system identifier. Each
// standby counts as a server of its own.
func (p *identity) systemKey() string {
	if p.system == "" || !p.standby {
		return p.system
	}
	return p.system + " " + p.start
}

// databases holds all databases that the process has a handle to. They are
// found by the system identifier, which some roles may not read, and by the
// start of the postmaster, which every role may read.
var databases = databaseTable{byKey: make(map[string]*Database)}

type databaseTable struct {
	tickets atomic.Uint64

	mu    sync.Mutex           // also held while handles record their database
	byKey map[string]*Database // guarded by mu
}

// place records that connection number of d leads to p. ticket was drawn before
// p was queried. It returns nil if the server may have restarted since, so that
// the caller has to ask again.
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
	found.standby.Store(p.standby)
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

// adopt records that connection number of d, which was asked before, leads to a
// database.
func (t *databaseTable) adopt(d *Tracker, number uint64, at *Database) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !at.gone.Load() && !d.closed.Load() {
		at.handles[d] = struct{}{}
		d.placed(at, number)
	}
}

// displace records that the database of connection number of d is unknown.
func (t *databaseTable) displace(d *Tracker, number uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	d.placed(nil, number)
}

// replace retires a database whose server was restarted. Called with t.mu held.
func (t *databaseTable) replace(old *Database) {
	t.remove(old)
	for d := range old.handles {
		if d.current.Load() == old {
			d.placed(nil, d.placedBy)
		}
	}
}

// remove removes a database. Called with t.mu held.
func (t *databaseTable) remove(old *Database) {
	old.gone.Store(true)
	for key, known := range t.byKey {
		if known == old {
			delete(t.byKey, key)
		}
	}
}

// leave removes a handle, and the databases that no other handle leads to.
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
		list = append(list, known) // some appear twice, which is harmless
	}
	return list
}
