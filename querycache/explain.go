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

// An Explanation says whether, and for how long, a cached handle keeps the
// answers of a statement.
type Explanation struct {
	Name      string // of the statement, if it has one
	Text      string // normalized
	Cacheable bool
	Reason    Reason // why not
	Detail    string // the same for people, and what limits the answers' life

	Tables  []string // a change of which makes its answers stale; "*" is any
	Columns []string // that it reads, as table.column

	Policy   Policy
	Followed bool          // whether changes are heard of at all
	MaxAge   time.Duration // how old an answer can be when it is handed out; -1: no bound

	Entries int // kept now, in all forms
	Bytes   int64
	Lookups map[Reason]uint64
}

// Explain says what the handle does with a statement: whether its answers are
// kept or why not, what makes them stale, how old they may be, and what became
// of the reads so far. It may ask the server what the statement does. Asking
// changes nothing of what the handle does.
//
// A statement is its text and its name: sql has its "-- name:" comment, or is
// what [db.Stmt.SQL] returned.
func (h *ReadThrough) Explain(ctx context.Context, sql string) Explanation {
	return h.explain(ctx, h.source.handle.Tracker.Text(sql))
}

func (h *ReadThrough) explain(ctx context.Context, text *sqltext.Statement) Explanation {
	rec := h.newRecord(text, formWire) // which the cache does not come to know
	out := Explanation{Name: text.Name, Text: text.Normalized, Followed: h.source.followed()}
	var counts [reasons]uint64
	var twins []string
	var changedBy *string
	known := false
	for _, r := range h.cache.records.all() {
		switch {
		case h.same(r, rec):
			known = true
			rec.policy, rec.refused = r.policy, r.refused // as it was chosen when the statement was met
			for i, n := range r.counts.load() {
				counts[i] += n
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
		out.Detail = join(out.Detail, "kept from its second read on: there were many texts that differ from it only in constants or the lengths of lists; parameters, and = ANY($1), make them one")
	}
	if changedBy != nil {
		out.Detail = join(out.Detail, "not kept where the session had been changed, of late by `"+*changedBy+"` (SET LOCAL ends with its transaction, RESET and DISCARD ALL undo a SET)")
	}
	if len(twins) > 0 && text.Name == "" {
		slices.Sort(twins)
		out.Detail = join(out.Detail, "statements of the same text have names, and policies of their own: "+strings.Join(twins, ", ")+" (pass db.Stmt.SQL to Explain)")
	}
	return out
}

// same reports whether a record is of the same statement as rec, in any form.
func (h *ReadThrough) same(r, rec *record) bool {
	return r.Space == h.space && r.Digest == rec.Digest && r.Rest == rec.Rest
}

// explainDependencies adds what the server says of the statement.
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
	if out.Cacheable {
		if log := n.examined.changelog; log != nil && log.cause.Load() != nil {
			out.Detail = join(out.Detail, "all answers were dropped, of late by `"+*log.cause.Load()+"`, which may write anything")
		}
		out.MaxAge = -1
		if rec.policy.TTL > 0 {
			out.MaxAge = rec.policy.TTL + max(rec.policy.StaleFor, rec.policy.StaleIfError)
		}
	}
}

// whyNotText says what is wrong with a text that has no policy whatever the
// program says.
func whyNotText(text *sqltext.Statement) string {
	switch {
	case text.Size() > 2*longestText:
		return "the text has more than 64 KB"
	case !text.Lexed():
		return "the text cannot be taken apart"
	}
	return fmt.Sprintf("the text holds %d statements: only a single one is kept", text.Count)
}

// whyNoPolicy says why a statement has no policy that can be.
func (h *ReadThrough) whyNoPolicy(text *sqltext.Statement) string {
	p, ok := h.choose.Choose(forChooser(text))
	switch {
	case ok && p.validate() != nil:
		return p.validate().Error()
	case ok && p.TTL < 0 && !h.observed:
		return "Policy.TTL is -1 (no bound), and nothing would ever drop an answer: " + db.ErrUnobserved.Error()
	case ok:
		return "its policy keeps nothing: Policy.TTL is 0"
	case text.Name == "":
		return "the program gave no policy for this statement, which has no name"
	}
	return fmt.Sprintf("the program gave no policy for statement %q", text.Name)
}

// unfollowed says what it means for answers that changes are not heard of.
func unfollowed(p Policy) string {
	if p.TTL < 0 {
		return "no change ever drops an answer: Policy.TTL is -1 (no bound), and changes are heard of only once Cache.Follow was called; call it, or set a TTL"
	}
	return "changes are not heard of: see Cache.Follow"
}

// join puts two remarks, which may be empty, one after the other.
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
