package querycache

import (
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/changes"
)

// A changelog has the last changes of a database's tables, whichever handles
// reported them.
//
// Changes have numbers, drawn from the cache's counter. A load notes the last
// number before it asks the server, and the entry carries it. An entry is fresh
// as long as each table it depends on changed last at or before that number. So
// an entry whose load began before a change was reported is never handed out
// after it, however late it is stored.
type changelog struct {
	cache    *Cache
	database *changes.Database

	everything table // changed with each change that may concern any table
	anything   table // changed with every change, of whatever table

	cause atomic.Pointer[string] // of the last change of everything; nil before there was one

	mu     sync.Mutex
	tables map[tableKey]*table // guarded by mu
}

// A tableKey says which rows a table stands for.
type tableKey struct {
	oid uint32
	own bool // those of the relation itself, which FROM ONLY reads; else also those of tables that inherit from it
}

// A table is the place of one relation, or of its own rows, in the order of
// changes.
type table struct {
	tableName               // guarded by changelog.mu: it may be renamed
	changed   atomic.Uint64 // number of the last change; inDoubt while that is not resolved
	last      uint64        // number of the last change that is certain; guarded by changelog.mu
	doubts    int           // changes whose outcome is unknown; likewise
	view      bool          // it never changes, but a program may invalidate what reads it; guarded by changelog.mu
}

// inDoubt is after every number: nothing that depends on the table is fresh.
const inDoubt = math.MaxUint64

func newChangelog(c *Cache, at *changes.Database) *changelog {
	return &changelog{cache: c, database: at, tables: make(map[tableKey]*table)}
}

// raise gives t the number of a new change. l.mu is held.
func (l *changelog) raise(t *table) {
	t.last = l.cache.changes.Add(1)
	if t.doubts == 0 {
		t.changed.Store(t.last)
	}
}

// doubt notes that t may have changed or may change yet. l.mu is held.
func (l *changelog) doubt(t *table) {
	t.doubts++
	t.changed.Store(inDoubt)
}

// resolve ends one doubt of t. l.mu is held.
func (l *changelog) resolve(t *table) {
	t.doubts = max(0, t.doubts-1)
	l.raise(t)
}

// dismiss ends one doubt of t, which did not change. Entries from before the
// doubt are fresh again. l.mu is held.
func (l *changelog) dismiss(t *table) {
	if t.doubts = max(0, t.doubts-1); t.doubts == 0 {
		t.changed.Store(t.last)
	}
}

// apply notes a change.
func (l *changelog) apply(c changes.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	apply := l.raise
	switch c.State {
	case changes.InDoubt:
		apply = l.doubt
	case changes.Resolved:
		apply = l.resolve
	case changes.Unchanged:
		apply = l.dismiss
	}
	apply(&l.anything)
	if c.All {
		apply(&l.everything)
		if c.Cause != "" && (c.State == changes.Committed || c.State == changes.Resolved) {
			l.cause.Store(&c.Cause)
		}
		return
	}
	name := tableName{c.Table.Schema, c.Table.Name}
	apply(l.table(tableKey{oid: c.Table.OID}, name))
	if !c.Inherited {
		apply(l.table(tableKey{c.Table.OID, true}, name))
	}
}

// table returns the place of a relation, making one if there is none. A
// relation's name may change; its oid is what counts. l.mu is held.
func (l *changelog) table(key tableKey, name tableName) *table {
	t := l.tables[key]
	if t == nil {
		t = new(table)
		l.tables[key] = t
	}
	if name.name != "" {
		t.tableName = name
	}
	return t
}

// A tableName is a relation's name. An empty schema stands for any.
type tableName struct{ schema, name string }

// parseTable returns what a program may mean by a name: what the server would
// take it for, and the name as it is, with the schema before the first dot.
// Invalidating too much does no harm.
func parseTable(text string) (names []tableName) {
	switch parts, ok := splitName(text); {
	case !ok:
	case len(parts) == 1:
		names = append(names, tableName{"", parts[0]})
	default:
		names = append(names, tableName{parts[len(parts)-2], parts[len(parts)-1]})
	}
	schema, name, ok := strings.Cut(text, ".")
	if !ok {
		schema, name = "", text
	}
	return append(names, tableName{schema, name})
}

// matches reports whether two names may be of one table.
func (n tableName) matches(other tableName) bool {
	return n.name == other.name && (n.schema == other.schema || n.schema == "" || other.schema == "")
}

func (n tableName) String() string {
	if n.schema == "" {
		return n.name
	}
	return n.schema + "." + n.name
}

// tablesOf returns the tables that a statement reads, and those that stand for
// all of them. New ones have no change yet, which is right: the caller notes the
// last change's number before it asks what the statement reads.
func (l *changelog) tablesOf(reads []dependency, known bool) []*table {
	tables := []*table{&l.everything}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range reads {
		t := l.table(tableKey{r.OID, r.only}, tableName{r.Schema, r.Name})
		t.view = r.Kind == catalog.View
		tables = append(tables, t)
	}
	if !known {
		tables = append(tables, &l.anything)
	}
	return tables
}

// names returns the names of tables, "*" for any table, and leaves out views.
func (l *changelog) names(tables []*table) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	for _, t := range tables {
		switch {
		case t == &l.everything, t.view:
		case t == &l.anything:
			names = append(names, "*")
		default:
			names = append(names, t.String())
		}
	}
	return names
}

// invalidateTables invalidates the entries that depend on the named tables, and
// reports whether a table is known under one of the names.
func (l *changelog) invalidateTables(tables []string) (known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.raise(&l.anything)
	for _, text := range tables {
		names := parseTable(text)
		for _, t := range l.tables {
			if slices.ContainsFunc(names, func(name tableName) bool { return name.matches(t.tableName) }) {
				l.raise(t)
				known = true
			}
		}
	}
	return known
}

// invalidateAll invalidates all entries.
func (l *changelog) invalidateAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.raise(&l.everything)
	l.raise(&l.anything)
}
