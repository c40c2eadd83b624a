package querycache

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/catalog"
)

// needs is what the answers of a statement depend on. It never changes, but for
// inUse.
type needs struct {
	tables  []*table // one that stands for all of them included
	known   bool     // false: any table may be among them
	timed   bool     // a parameter is a date or a time, so that an argument may be 'now'
	refusal Reason   // none, or why no answer is kept
	because string   // the refusal in words, for people, or what limits the answers
	learned learned

	misnamed *namesError // a name of Policy.Tables is wrong; nil if none is

	// inUse is what learned was taken from. While it is held, a change of what
	// it depends on is noticed and announced.
	inUse atomic.Pointer[[]*db.Effects]
}

// learned is what the server told of a statement, to tell whether that changed.
type learned struct {
	home    *home
	version int64
	reads   []dependency
	refusal catalog.Refusal
}

func (l *learned) is(other *learned) bool {
	return l.home == other.home && l.version == other.version && l.refusal == other.refusal && slices.Equal(l.reads, other.reads)
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

// unasked is what is known of a statement when the server could not be asked.
func unasked(err error) *needs {
	return &needs{refusal: RefusedStatement, because: "the server could not be asked what the statement does: " + err.Error()}
}

// learn brings up to date what the record's answers depend on. It costs next
// to nothing where the server need not be asked again. What cannot be learned
// now leaves the record as it was, and what learn returns refuses.
//
// A flight calls it after it noted the last change's number: a change of the
// schema either comes after that and voids the answer, or was told before, and
// is then known to what learn asks.
func (r *record) learn(ctx context.Context) *needs {
	if r.source == nil { // an Aside of whatever the program likes
		return r.needs.Load()
	}
	eff, err := r.effects(ctx)
	if err != nil {
		return unasked(err)
	}
	named, err := r.declared(ctx)
	if wrong, ok := errors.AsType[*namesError](err); ok {
		return &needs{refusal: RefusedPolicy, because: wrong.Error(), misnamed: wrong}
	}
	if err != nil {
		return unasked(err)
	}
	if slices.ContainsFunc(named.from, func(e *db.Effects) bool { return e.Database != eff.Database }) {
		return unasked(errElsewhere)
	}
	home := r.source.cache.home(eff.Database)
	now := learned{home, eff.Version ^ named.version, append(readsOf(&eff.Effects), named.reads...), eff.Refusal()}
	inUse := append([]*db.Effects{eff}, named.from...)
	old := r.needs.Load()
	if old != nil && old.learned.is(&now) {
		old.inUse.Store(&inUse)
		return old
	}
	known := (eff.ReadsKnown || len(r.policy.Tables) > 0) && named.known
	n := &needs{known: known, learned: now, timed: eff.TakesTime}
	n.tables = home.needed(now.reads, known)
	n.refusal, n.because = r.judgeEffects(&eff.Effects)
	n.inUse.Store(&inUse)
	r.needs.Store(n)
	if old != nil { // entries were judged by what the old one says
		r.drop(r.source.cache.changes.Add(1))
	}
	return n
}

// effects returns what the record's answers come from.
func (r *record) effects(ctx context.Context) (*db.Effects, error) {
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
	return &db.Effects{Database: at, Effects: catalog.Effects{ReadsKnown: true, Cacheable: true}}, nil // the Aside says the rest itself
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
