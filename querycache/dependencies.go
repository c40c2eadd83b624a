package querycache

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/changes"
)

// dependencies are the tables that the entries of a statement depend on. All
// fields except inUse are constant.
type dependencies struct {
	tables   []*table // with the table that represents all others
	known    bool     // false: the entries may depend on any table
	timed    bool     // a parameter is a date or a time, so an argument may be 'now'
	refusal  Reason   // none, or why nothing is stored
	because  string   // describes the refusal, or what limits the entries
	examined examined

	tierNames []string // of tables and statement, in further tiers; empty if results must not be stored there
	digest    uint64   // of tierNames
	columns   string   // that the statement reads: results from before and after a change of a table have different keys in tiers
	noTiers   error    // why not, if there are tiers; nil if it is not known yet

	misnamed *namesError // for a wrong name in Policy.Tables; nil if all are right

	// inUse are the effects that examined was derived from. While it is
	// referenced, a schema change that affects them is detected and notified.
	inUse atomic.Pointer[[]*changes.Effects]
}

// examined is the server's description of a statement, for comparison with a
// later one.
type examined struct {
	changelog *changelog
	version   int64
	reads     []dependency
	refusal   catalog.Refusal
}

// is reports whether two descriptions are equal.
func (x *examined) is(other *examined) bool {
	return x.changelog == other.changelog && x.version == other.version && x.refusal == other.refusal && slices.Equal(x.reads, other.reads)
}

// A dependency is a relation that a statement reads.
type dependency struct {
	catalog.Relation
	only bool // the relation's own rows, without those of inheriting tables
}

// columnsOf returns the columns that a statement with the given effects reads.
func columnsOf(eff *catalog.Effects) string {
	columns := make([]string, 0, len(eff.Columns))
	for _, c := range eff.Columns {
		columns = append(columns, strconv.FormatUint(uint64(c.Relation.OID), 10)+"."+c.Name)
	}
	slices.Sort(columns)
	return strings.Join(columns, "\n")
}

// readsOf returns the relations, with views, that a statement with the given
// effects reads.
func readsOf(eff *catalog.Effects) []dependency {
	reads := make([]dependency, 0, len(eff.Reads)+len(eff.Views))
	for _, r := range eff.Reads {
		reads = append(reads, dependency{r, slices.Contains(eff.Only, r)})
	}
	for _, v := range eff.Views {
		reads = append(reads, dependency{Relation: v})
	}
	return reads
}

// unexamined returns the dependencies of a statement that could not be
// examined.
func unexamined(err error) *dependencies {
	return &dependencies{refusal: RefusedStatement, because: "the statement could not be examined: " + err.Error()}
}

// examine updates and returns the dependencies of the record. It is cheap if
// the server need not be asked again. If the server cannot be asked, the record
// stays unchanged, and the returned dependencies refuse storing.
//
// A flight calls examine after it has drawn its stamp. A schema change is
// therefore either notified later and invalidates the result, or was notified
// before and is visible to examine.
func (r *record) examine(ctx context.Context) *dependencies {
	if r.source == nil { // an Aside without a Source
		return r.dependencies.Load()
	}
	eff, err := r.effects(ctx)
	if err != nil {
		return unexamined(err)
	}
	named, err := r.declared(ctx)
	if wrong, ok := errors.AsType[*namesError](err); ok {
		return &dependencies{refusal: RefusedPolicy, because: wrong.Error(), misnamed: wrong}
	}
	if err != nil {
		return unexamined(err)
	}
	if slices.ContainsFunc(named.from, func(e *changes.Effects) bool { return e.Database != eff.Database }) {
		return unexamined(errElsewhere)
	}
	log := r.source.cache.changelog(eff.Database)
	now := examined{log, eff.Version ^ named.version, append(readsOf(&eff.Effects), named.reads...), eff.Refusal()}
	inUse := append([]*changes.Effects{eff}, named.from...)
	var n *dependencies
	for { // concurrent loads that find the same share what the first one stored
		old := r.dependencies.Load()
		if old != nil && old.examined.is(&now) {
			old.inUse.Store(&inUse)
			return old
		}
		if n == nil {
			known := (eff.ReadsKnown || len(r.policy.Tables) > 0) && named.known
			n = &dependencies{known: known, examined: now, timed: eff.TakesTime}
			n.tables = log.tablesOf(now.reads, known)
			n.refusal, n.because = r.cacheability(&eff.Effects)
			n.inUse.Store(&inUse)
			if n.tierNames, n.noTiers = r.namesInTiers(log, now.reads, known); n.tierNames != nil {
				n.digest, n.columns = digestOf(n.tierNames), columnsOf(&eff.Effects)
			}
		}
		if !r.dependencies.CompareAndSwap(old, n) {
			continue
		}
		if old != nil { // entries were stored with the old dependencies
			r.invalidate(r.source.cache.changes.Add(1))
		}
		return n
	}
}

// effects returns the effects of the record's statement.
func (r *record) effects(ctx context.Context) (*changes.Effects, error) {
	text := r.text.Load()
	switch {
	case text != nil:
		return r.source.effects(ctx, text)
	case !r.aside:
		return nil, errForgotten
	}
	at, err := r.source.identify(ctx)
	if err != nil {
		return nil, err
	}
	return &changes.Effects{Database: at, Effects: catalog.Effects{ReadsKnown: true, Cacheable: true}}, nil // Policy.Tables declares the reads
}

var errForgotten = errors.New("the record of the statement was removed")

// declared resolves the tables of the record's policy. An error about a name is
// remembered for misnamedFor, so that not every read asks the server.
func (r *record) declared(ctx context.Context) (declared, error) {
	if len(r.policy.Tables) == 0 {
		return declared{known: true}, nil
	}
	now := r.source.cache.clock.now()
	if m := r.misnamed.Load(); m != nil && now < m.until {
		return declared{}, m.err
	}
	d, err := r.source.declared(ctx, r.policy.Tables)
	if wrong, ok := errors.AsType[*namesError](err); ok {
		r.misnamed.Store(&misnamed{wrong, now + int64(misnamedFor)})
	}
	return d, err
}
