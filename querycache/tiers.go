package querycache

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/headrace/headrace/internal/changes"
)

// maxTiers bounds Options.Tiers.
const maxTiers = 4

const defaultTierTimeout = 10 * time.Millisecond

// longestLife bounds the time for which a value is stored in a further tier.
const longestLife = 24 * time.Hour

// checkTiers returns an error that names the first invalid tier.
func checkTiers(o *Options) error {
	if o.TierTimeout < 0 {
		return fmt.Errorf("querycache: Options.TierTimeout: %v is negative", o.TierTimeout)
	}
	if len(o.Tiers) > maxTiers {
		return fmt.Errorf("querycache: Options.Tiers: %d tiers, at most %d are supported", len(o.Tiers), maxTiers)
	}
	var names []string
	for i, t := range o.Tiers {
		switch {
		case t == nil || reflect.ValueOf(t).Kind() == reflect.Pointer && reflect.ValueOf(t).IsNil():
			return fmt.Errorf("querycache: Options.Tiers[%d] is nil", i)
		case t.Name() == "" || len(t.Name()) > 64:
			return fmt.Errorf("querycache: Options.Tiers[%d]: the name %q has %d bytes, want 1 to 64", i, t.Name(), len(t.Name()))
		case !utf8.ValidString(t.Name()): // it is a label of metrics
			return fmt.Errorf("querycache: Options.Tiers[%d]: the name %q is not valid UTF-8", i, t.Name())
		case slices.Contains(names, t.Name()):
			return fmt.Errorf("querycache: Options.Tiers: two tiers have the name %q", t.Name())
		}
		names = append(names, t.Name())
	}
	return nil
}

// openTiers begins to use the tiers of the options.
func (c *Cache) openTiers() {
	timeout := c.opts.TierTimeout
	if timeout == 0 {
		timeout = defaultTierTimeout
	}
	c.tierTables = make(map[string]*tierTable)
	for _, t := range c.opts.Tiers {
		c.tiers = append(c.tiers, newTierLink(c, t, timeout))
	}
	for _, l := range c.tiers {
		if n, ok := l.tier.(TierNotifier); ok {
			c.untrackTiers = append(c.untrackTiers, n.Notify(func(names []string) { c.raisedElsewhere(l, names) }))
		}
	}
}

// flushTiers makes a last attempt to raise what is pending, for other processes.
func (c *Cache) flushTiers() {
	var all sync.WaitGroup
	for _, l := range c.tiers {
		if l.stats().Pending > 0 {
			all.Go(func() { l.attempt() })
		}
	}
	all.Wait()
}

// closeTiers ends the use of the tiers, which belong to the program.
func (c *Cache) closeTiers() {
	for _, stop := range c.untrackTiers {
		stop()
	}
	for _, l := range c.tiers {
		l.close()
	}
}

// passOver reports whether no tier can be used for what depends on names, and
// counts that.
func (c *Cache) passOver(names []string) bool {
	for _, l := range c.tiers {
		if l.usable(names) {
			return false
		}
	}
	for _, l := range c.tiers {
		l.passed.Add(1)
	}
	return true
}

// raiseTiers raises names in all tiers, or makes them pending there. It returns
// when that is done: what is invalidated in memory afterwards is not read from a
// tier again.
func (c *Cache) raiseTiers(names []string) {
	if len(c.tiers) == 0 || len(names) == 0 {
		return
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(c.tiers) == 1 {
		c.tiers[0].raise(names)
		return
	}
	var all sync.WaitGroup
	for _, l := range c.tiers {
		all.Go(func() { l.raise(names) })
	}
	all.Wait()
}

// raiseChanges raises the names of what changed, as far as the changes are
// certain.
func (s *source) raiseChanges(list []changes.Change) {
	if len(s.cache.tiers) == 0 || !s.followed() {
		return
	}
	var names []string
	for _, c := range list {
		if c.State != changes.Committed && c.State != changes.Resolved {
			continue
		}
		databases := []*changes.Database{c.Database}
		for _, l := range s.cache.concerned(c.Database) {
			databases = append(databases, l.database)
		}
		for _, at := range databases {
			if at != nil && at.Server() != "" {
				names = append(names, tierNamesOf(at, c)...)
			}
		}
	}
	s.cache.raiseTiers(names)
}

// A tierTable is a table that has a name in the tiers.
type tierTable struct {
	log   *changelog
	table *table
}

// addTierTable records the name of a table, for raises of other processes.
func (c *Cache) addTierTable(name string, l *changelog, t *table) {
	c.tierMu.Lock()
	defer c.tierMu.Unlock()
	c.tierTables[name] = &tierTable{l, t}
}

// forgetTierTables removes the names of the tables of changelogs.
func (c *Cache) forgetTierTables(logs []*changelog) {
	c.tierMu.Lock()
	defer c.tierMu.Unlock()
	for name, t := range c.tierTables {
		if slices.Contains(logs, t.log) {
			delete(c.tierTables, name)
		}
	}
}

func (c *Cache) tierTable(name string) *tierTable {
	c.tierMu.Lock()
	defer c.tierMu.Unlock()
	return c.tierTables[name]
}

// raisedElsewhere invalidates in memory what another process has raised.
func (c *Cache) raisedElsewhere(l *tierLink, names []string) {
	if names == nil {
		l.forgets()
		return
	}
	for _, name := range names {
		switch kind, rest, _ := strings.Cut(name, "/"); kind {
		case "t":
			if t := c.tierTable(name); t != nil {
				if t.table == &t.log.everything { // perhaps a change of the schema
					t.log.database.SchemaMayChange()
				}
				t.log.mu.Lock()
				t.log.raise(t.table)
				t.log.mu.Unlock()
			}
		case "s":
			c.invalidateNamed(func(r *record) bool { return r.tierName == name })
		case "k":
			aside, _, _ := strings.Cut(rest, "/")
			c.invalidateNamed(func(r *record) bool { return r.aside && r.tierName == "s/"+aside })
		}
	}
}

// invalidateNamed invalidates the entries of some statements and Asides in
// memory.
func (c *Cache) invalidateNamed(match func(*record) bool) {
	var n uint64
	for _, r := range c.records.all() {
		if match(r) {
			if n == 0 {
				n = c.changes.Add(1)
			}
			r.invalidate(n)
		}
	}
}

// missedRaises invalidates all entries in memory, because raises of other
// processes may have been missed.
func (c *Cache) missedRaises() {
	for _, l := range c.allChangelogs() {
		l.invalidateAll()
	}
	c.invalidateNamed(func(r *record) bool { return r.aside })
}
