package querycache

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/sqltext"
)

// An Explanation describes how a cached handle treats a statement.
type Explanation struct {
	Name      string // of the statement; "" if it has none
	Text      string // normalized
	Cacheable bool   // whether results are stored
	Reason    Reason // why results are not stored; the zero Reason if they are
	Detail    string // the reason in words, or what limits the entries

	Tables  []string // a change to one of them invalidates the entries; "*" is any table
	Columns []string // columns that the statement reads, as table.column

	Policy   Policy
	Followed bool          // whether Cache.Follow reports the changes of this handle
	MaxAge   time.Duration // the greatest age of an entry that is returned; -1: no bound

	Entries int   // stored now, in all forms
	Bytes   int64 // of these entries
	Lookups map[Reason]uint64

	Tiers   []TierLookups // of Options.Tiers, in their order
	NoTiers string        // why results are not stored in further tiers; "" if they are, or if there are none
}

// TierLookups counts the reads of a statement from one further tier.
type TierLookups struct {
	Name         string
	Hits, Misses uint64
}

// Explain describes how the handle treats a statement: whether its results are
// stored or why not, which changes invalidate them, how old they may be, and
// the outcomes of the lookups so far. It may ask the server what the statement
// does. It does not change how the handle treats the statement.
//
// A statement is identified by its text and its name: pass the SQL with its
// "-- name:" comment, or the result of [db.Stmt.SQL].
func (h *ReadThrough) Explain(ctx context.Context, sql string) Explanation {
	text := h.source.handle.Tracker.Text(sql)
	rec := h.newRecord(text, formWire) // not added to the cache's records
	out := Explanation{Name: text.Name, Text: text.Normalized, Followed: h.source.followed()}
	for _, l := range h.cache.tiers {
		out.Tiers = append(out.Tiers, TierLookups{Name: l.name})
	}
	var counts [reasons]uint64
	var twins []string
	var changedBy *string
	known := false
	for _, r := range h.cache.records.all() {
		switch {
		case h.same(r, rec):
			known = true
			rec.policy, rec.refused = r.policy, r.refused // chosen at the first read
			for i, n := range r.counts.load() {
				counts[i] += n
			}
			for i := range out.Tiers {
				out.Tiers[i].Hits += r.tierCounts[i].hits.Load()
				out.Tiers[i].Misses += r.tierCounts[i].misses.Load()
			}
			if by := r.changedBy.Load(); by != nil {
				changedBy = by
			}
		case r.Space == h.space && r.sent == rec.sent && r.name != "" && !slices.Contains(twins, r.name):
			twins = append(twins, r.name)
		}
	}
	out.Policy, out.Reason, out.Lookups = rec.policy, rec.refused, byReason(counts)
	h.cache.store.Each(func(e *entry) bool {
		if h.same(e.Of(), rec) && e.Of().current(e.Value.stamp, e.Key()) {
			out.Entries++
			out.Bytes += e.Bytes()
		}
		return true
	})
	h.explainDependencies(ctx, text, rec, &out)
	if out.Cacheable && !known && h.cache.newcomers.crowded(text.Fingerprint) {
		out.Detail = join(out.Detail, "stored from the second read on: many texts differ from this one only in constants or list lengths; use parameters, and = ANY($1) for lists")
	}
	if changedBy != nil {
		out.Detail = join(out.Detail, "results from changed sessions are not stored; the last such session was changed by `"+*changedBy+"` (use SET LOCAL, or undo SET with RESET or DISCARD ALL)")
	}
	if len(twins) > 0 && text.Name == "" {
		slices.Sort(twins)
		out.Detail = join(out.Detail, "named statements with this text have their own policies: "+strings.Join(twins, ", ")+" (include the name comment in the SQL)")
	}
	return out
}

// same reports whether a record is of the same statement as rec, in any form.
func (h *ReadThrough) same(r, rec *record) bool {
	return r.Space == h.space && r.Digest == rec.Digest && r.Rest == rec.Rest
}

// explainDependencies adds what the server reports about the statement.
func (h *ReadThrough) explainDependencies(ctx context.Context, text *sqltext.Statement, rec *record, out *Explanation) {
	switch rec.refused {
	case RefusedText:
		out.Detail = whyNotText(text)
		return
	case RefusedPolicy:
		out.Detail = h.whyNoPolicy(text)
	}
	n := rec.examine(ctx)
	if out.Reason == none {
		out.Reason, out.Detail = n.refusal, n.because
	}
	out.Cacheable = out.Reason == none
	if out.Cacheable && !out.Followed {
		out.Detail = join(out.Detail, unfollowed(rec.policy))
	}
	out.Columns = h.columns(ctx, text)
	if n.examined.changelog != nil {
		out.Tables = n.examined.changelog.names(n.tables)
	}
	slices.Sort(out.Tables)
	if out.Cacheable && len(h.cache.tiers) > 0 {
		out.NoTiers = h.whyNoTiers(ctx, n)
	}
	if out.Cacheable {
		if log := n.examined.changelog; log != nil && log.cause.Load() != nil {
			out.Detail = join(out.Detail, "statements with unknown effects invalidated all entries, most recently `"+*log.cause.Load()+"`")
		}
		out.MaxAge = -1
		if rec.policy.TTL > 0 {
			out.MaxAge = rec.policy.TTL + max(rec.policy.StaleFor, rec.policy.StaleIfError)
		}
	}
}

// whyNoTiers describes why results with the given dependencies are not stored in
// further tiers, or returns "".
func (h *ReadThrough) whyNoTiers(ctx context.Context, n *dependencies) string {
	if n.noTiers != nil {
		return n.noTiers.Error()
	}
	if h.source.handle.ContextHooks {
		return "" // sessions depend on the scope
	}
	if _, err := h.source.sessionKey(ctx, ""); err != nil {
		return err.Error()
	}
	return ""
}

// whyNotText describes why a text is never cached, whatever its policy.
func whyNotText(text *sqltext.Statement) string {
	switch {
	case text.Size() > 2*longestText:
		return "the text is longer than 64 KB"
	case !text.Lexed():
		return "the text cannot be tokenized: a string, identifier or comment is not terminated"
	}
	return fmt.Sprintf("the text holds %d statements; only single statements are cached", text.Count)
}

// whyNoPolicy describes why a statement has no valid policy.
func (h *ReadThrough) whyNoPolicy(text *sqltext.Statement) string {
	p, ok := h.choose.Choose(forChooser(text))
	switch {
	case ok && p.validate() != nil:
		return p.validate().Error()
	case ok && p.TTL < 0 && !h.observed:
		return "Policy.TTL is -1 (no bound), but no change would invalidate the entries: " + db.ErrUnobserved.Error()
	case ok:
		return "the policy stores nothing: Policy.TTL is 0"
	case text.Name == "":
		return "the Chooser returned no policy for this statement, which has no name"
	}
	return fmt.Sprintf("the Chooser returned no policy for statement %q", text.Name)
}

// unfollowed describes what it means for entries that the cache does not follow
// the handle.
func unfollowed(p Policy) string {
	if p.TTL < 0 {
		return "entries never become invalid: Policy.TTL is -1 (no bound), and the cache does not follow this handle; call Cache.Follow, or set a TTL"
	}
	return "changes do not invalidate entries: the cache does not follow this handle (see Cache.Follow)"
}

// join joins two remarks, either of which may be empty.
func join(first, second string) string {
	if first == "" || second == "" {
		return first + second
	}
	return first + "; " + second
}

func (h *ReadThrough) columns(ctx context.Context, text *sqltext.Statement) []string {
	eff, err := h.source.effects(ctx, text)
	if err != nil {
		return nil
	}
	var names []string
	for _, c := range eff.Columns {
		name := c.Name
		if name == "" {
			name = "*"
		}
		names = append(names, c.Relation.Schema+"."+c.Relation.Name+"."+name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
