package querycache

import (
	"context"
	"slices"

	"github.com/headrace/headrace/internal/catalog"
)

// learned is what the server told of a statement, to tell whether that changed.
type learned struct {
	version int64
	reads   []catalog.Relation
	refusal catalog.Refusal
}

// learn brings up to date what the record's answers depend on. It costs next
// to nothing where the server need not be asked again. What cannot be learned
// now leaves the record as it was, and what learn returns refuses.
//
// A flight calls it after it noted the last change's number: a change of the
// schema either comes after that and voids the answer, or was told before, and
// is then known to what learn asks.
func (r *record) learn(ctx context.Context) *needs {
	if r.text == nil { // an Aside says so itself
		return r.needs.Load()
	}
	eff, err := r.source.effects(ctx, r.text)
	if err != nil {
		return &needs{refusal: RefusedStatement, because: "the server could not be asked what the statement does: " + err.Error()}
	}
	now := learned{eff.Version, eff.Reads, eff.Refusal()}
	old := r.needs.Load()
	if old != nil && old.learned.version == now.version && old.learned.refusal == now.refusal && slices.Equal(old.learned.reads, now.reads) {
		return old
	}
	n := &needs{known: eff.ReadsKnown || len(r.policy.Tables) > 0, learned: now}
	n.tables = r.source.needed(eff.Reads, eff.ReadsKnown, r.policy.Tables)
	n.refusal, n.because = r.judgeEffects(&eff)
	r.needs.Store(n)
	if old != nil { // entries were judged by what the old one says
		r.drop(r.source.cache.changes.Add(1))
	}
	return n
}

// judgeEffects says whether answers of a statement with the given effects may
// be kept under the record's policy.
func (r *record) judgeEffects(eff *catalog.Effects) (Reason, string) {
	if eff.Cacheable {
		return none, ""
	}
	for _, refusal := range eff.Refusals {
		if !r.tolerates(refusal.Reason, eff) {
			return RefusedStatement, refusal.String()
		}
	}
	if len(eff.Refusals) == 0 {
		return RefusedStatement, "the server does not tell what the statement does"
	}
	return none, ""
}

// tolerates reports whether answers may be kept in spite of a reason. What
// writes, or may, is never kept, whatever the policy says of its tables.
func (r *record) tolerates(reason catalog.Reason, eff *catalog.Effects) bool {
	switch {
	case reason == catalog.SessionFunction || reason == catalog.RowSecurity:
		return r.source.cache.opts.Scope != nil // which stands for user and settings
	case reason == catalog.UnknownFunction && len(r.policy.Tables) > 0:
		return true // the program says what it reads
	case reason == catalog.Unexamined && (!eff.WritesKnown || len(eff.Writes) > 0):
		return false
	case reason.Timed():
		return r.policy.TTL > 0
	}
	return false
}
