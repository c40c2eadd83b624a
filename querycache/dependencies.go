package querycache

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/changes"
)

// dependencies are what the entries of a statement depend on. They never change,
// but for inUse.
type dependencies struct {
	tables   []*table // one that stands for all of them included
	known    bool     // false: any table may be among them
	timed    bool     // a parameter is a date or a time, so that an argument may be 'now'
	refusal  Reason   // none, or why nothing is stored
	because  string   // the refusal in words, for people, or what limits the entries
	examined examined

	misnamed *namesError // a name of Policy.Tables is wrong; nil if none is

	// inUse is what learned was taken from. While it is held, a change of what
	// it depends on is noticed and announced.
	inUse atomic.Pointer[[]*changes.Effects]
}

// examined is what the server said of a statement, to notice that it says
// something else.
type examined struct {
	changelog *changelog
	version   int64
	reads     []dependency
	refusal   catalog.Refusal
}

// is reports whether the server says the same as other.
func (x *examined) is(other *examined) bool {
	return x.changelog == other.changelog && x.version == other.version && x.refusal == other.refusal && slices.Equal(x.reads, other.reads)
}

// A dependency is a relation that a statement reads.
type dependency struct {
	catalog.Relation
	only bool // the relation's own rows, and not those of tables that inherit from it
}

// readsOf returns what a statement of the given effects reads, views included.
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

// unexamined returns what is known of a statement if the server could not be
// asked.
func unexamined(err error) *dependencies {
	return &dependencies{refusal: RefusedStatement, because: "the server could not be asked what the statement does: " + err.Error()}
}

// examine brings up to date what the record's entries depend on. It costs next
// to nothing where the server need not be asked again. If the server cannot be
// asked, the record stays as it was, and the dependencies returned refuse.
//
// A flight calls it after it noted the last change's number: a change of the
// schema either comes after that and invalidates the result, or was notified
// before, and is then known to the server that examine asks.
func (r *record) examine(ctx context.Context) *dependencies {
	if r.source == nil { // an Aside of whatever the program likes
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
	old := r.dependencies.Load()
	if old != nil && old.examined.is(&now) {
		old.inUse.Store(&inUse)
		return old
	}
	known := (eff.ReadsKnown || len(r.policy.Tables) > 0) && named.known
	n := &dependencies{known: known, examined: now, timed: eff.TakesTime}
	n.tables = log.tablesOf(now.reads, known)
	n.refusal, n.because = r.cacheability(&eff.Effects)
	n.inUse.Store(&inUse)
	r.dependencies.Store(n)
	if old != nil { // entries were stored by what the old ones say
		r.invalidate(r.source.cache.changes.Add(1))
	}
	return n
}

// effects returns what the record's answers come from.
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
	return &changes.Effects{Database: at, Effects: catalog.Effects{ReadsKnown: true, Cacheable: true}}, nil // the Aside says the rest itself
}

var errForgotten = errors.New("the statement was forgotten")

// declared returns what the tables of the record's policy are. That a name is
// wrong is remembered for a moment: each read would ask for it.
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
