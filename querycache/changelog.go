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

// A changelog holds the last change of each table of a database, from all
// handles.
//
// Changes have numbers, drawn from the cache's counter. A load draws the last
// number before it queries the server, and the entry carries it. An entry is
// fresh as long as the last change of each dependency has at most that number.
// An entry whose load began before a change was reported is therefore never
// returned after it, even if it is stored later.
type changelog struct {
	cache    *Cache
	database *changes.Database

	everything table // changed by each change that may affect any table
	anything   table // changed by each change of any table

	cause atomic.Pointer[string] // of the last change of everything; nil before the first

	mu     sync.Mutex
	tables map[tableKey]*table // guarded by mu
}

// A tableKey identifies the rows that a table represents.
type tableKey struct {
	oid uint32
	own bool // the relation's own rows, which FROM ONLY reads, without those of inheriting tables
}

// A table holds the number of the last change to one relation, or to its own
// rows.
type table struct {
	tableName               // guarded by changelog.mu: the relation may be renamed
	changed   atomic.Uint64 // number of the last change; inDoubt until that is resolved
	last      uint64        // number of the last certain change; guarded by changelog.mu
	doubts    int           // number of changes in doubt; guarded by changelog.mu
	view      bool          // a view changes only by InvalidateTables; guarded by changelog.mu
}

// inDoubt is greater than every number: no entry that depends on the table is
// fresh.
const inDoubt = math.MaxUint64

func newChangelog(c *Cache, at *changes.Database) *changelog {
	return &changelog{cache: c, database: at, tables: make(map[tableKey]*table)}
}

// raise sets t to the number of a new change. l.mu is held.
func (l *changelog) raise(t *table) {
	t.last = l.cache.changes.Add(1)
	if t.doubts == 0 {
		t.changed.Store(t.last)
	}
}

// doubt records that t may have changed, or may still change. l.mu is held.
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

// apply records a change.
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

// table returns the table of a relation, making one if there is none. The oid
// identifies the relation; its name may change. l.mu is held.
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

// A tableName is the name of a relation. An empty schema matches any.
type tableName struct{ schema, name string }

// parseTable returns the relations that a program may mean by a name: the name
// as SQL, and the name taken literally with the schema before the first dot.
// Invalidating too much is harmless.
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

// matches reports whether two names may denote the same table.
func (n tableName) matches(other tableName) bool {
	return n.name == other.name && (n.schema == other.schema || n.schema == "" || other.schema == "")
}

func (n tableName) String() string {
	if n.schema == "" {
		return n.name
	}
	return n.schema + "." + n.name
}

// tablesOf returns the tables that a statement reads, and those that represent
// all tables. A new table has no change yet, which is correct: the caller draws
// its stamp before it asks what the statement reads.
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

// tierNamesOf returns the names in tiers of the named tables, and of any table.
func (l *changelog) tierNamesOf(tables []string) (names []string) {
	if l.database.Server() == "" {
		return nil
	}
	server := tierServer(l.database)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, text := range tables {
		parsed := parseTable(text)
		for key, t := range l.tables {
			if slices.ContainsFunc(parsed, func(name tableName) bool { return name.matches(t.tableName) }) {
				names = append(names, server+key.tierName())
			}
		}
	}
	if len(names) > 0 {
		names = append(names, server+anyTable)
	}
	return names
}

// namesInTiers returns the names in tiers of what a statement reads. Raises of
// other processes are then applied to the tables.
func (l *changelog) namesInTiers(reads []dependency, known bool) []string {
	server := tierServer(l.database)
	add := func(name string, t *table) string {
		l.cache.addTierTable(server+name, l, t)
		return server + name
	}
	names := []string{add(everythingIn, &l.everything)}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range reads {
		key := tableKey{r.OID, r.only}
		names = append(names, add(key.tierName(), l.table(key, tableName{r.Schema, r.Name})))
	}
	if !known {
		names = append(names, add(anyTable, &l.anything))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// names returns the names of tables, with "*" for any table and without views.
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
// reports whether one of the names is known.
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
