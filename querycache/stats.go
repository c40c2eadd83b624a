package querycache

import (
	"context"
	"slices"
	"time"

	"github.com/headrace/headrace/db"
)

// Stats are a cache's figures since New, and what it holds now.
type Stats struct {
	// Lookups has the number of reads by what became of them. Each read has
	// one reason, so they add up to all reads.
	Lookups map[Reason]uint64

	Entries  int    // kept now; some of them may be stale and are not handed out
	Bytes    int64  // what the entries cost, with what it takes to keep them and to know their statements
	Budget   int64  // the bytes allowed now: MaxBytes, less under memory pressure
	MaxBytes int64  // Options.MaxBytes
	Evicted  uint64 // entries that had to make room
	Flights  int    // loads under way
}

// Total returns the number of all lookups.
func (s Stats) Total() uint64 {
	var n uint64
	for _, count := range s.Lookups {
		n += count
	}
	return n
}

// Answered returns the number of lookups that were answered without asking the
// server once more.
func (s Stats) Answered() uint64 {
	var n uint64
	for why, count := range s.Lookups {
		if why.Answered() {
			n += count
		}
	}
	return n
}

// Stats returns the cache's figures. It visits every statement it remembers.
func (c *Cache) Stats() Stats {
	u := c.store.usage()
	return Stats{
		Lookups: byReason(c.records.totals()),
		Entries: u.entries, Bytes: u.bytes + c.store.reserved.Load(), Evicted: u.evicted,
		Budget: c.store.budget.Load(), MaxBytes: c.store.most,
		Flights: c.flights.count(),
	}
}

func byReason(counts [reasons]uint64) map[Reason]uint64 {
	m := make(map[Reason]uint64)
	for i, n := range counts {
		if n > 0 {
			m[Reason(i)] = n
		}
	}
	return m
}

func (fs *flights) count() int {
	n := 0
	for i := range fs.shards {
		sh := &fs.shards[i]
		sh.mu.Lock()
		n += len(sh.byHash)
		sh.mu.Unlock()
	}
	return n
}

// A Cacheability says whether, and for how long, a cached handle keeps the
// answers of a statement.
type Cacheability struct {
	Name   string // of the statement, if its text has one
	Text   string // normalized
	Keeps  bool
	Reason Reason // why not
	Detail string // the same for people, and what limits the answers' life

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
// of the reads so far. It may ask the server what the statement does.
func (h *ReadThrough) Explain(ctx context.Context, sql string) Cacheability {
	text := h.pg.Text(sql)
	rec := h.record(text, formWire)
	out := Cacheability{
		Name: text.Name(), Text: text.SQL(), Policy: rec.policy, Reason: rec.refused,
		Followed: h.source.followed(),
	}
	var counts [reasons]uint64
	for _, r := range h.cache.records.all() {
		if r.space == h.space && r.digest == rec.digest && r.rest == rec.rest {
			for i, n := range r.counts.load() {
				counts[i] += n
			}
		}
	}
	out.Lookups = byReason(counts)
	h.cache.store.each(func(e *entry) bool {
		if r := e.record; r.space == h.space && r.digest == rec.digest && r.rest == rec.rest && r.current(e.stamp, e.key()) {
			out.Entries++
			out.Bytes += e.bytes()
		}
		return true
	})
	h.explainNeeds(ctx, text, rec, &out)
	return out
}

// explainNeeds adds what the server says of the statement.
func (h *ReadThrough) explainNeeds(ctx context.Context, text *db.Text, rec *record, out *Cacheability) {
	switch rec.refused {
	case RefusedText:
		out.Detail = "the text cannot be taken apart"
		if text.Size() > 2*longestText {
			out.Detail = "the text has more than 64 KB"
		}
		return
	case RefusedPolicy:
		out.Detail = "the program gave no policy for it, or one that cannot be"
		switch p, ok := h.choose.Choose(text); {
		case ok && p.validate() != nil:
			out.Detail = p.validate().Error()
		case ok && p.TTL < 0 && !h.observed:
			out.Detail = "Policy.TTL is -1 (no bound), and nothing would ever drop an answer: " + db.ErrUnobserved.Error()
		}
	}
	n := rec.learn(ctx)
	if out.Reason == none {
		out.Reason, out.Detail = n.refusal, n.because
	}
	out.Keeps = out.Reason == none
	if out.Keeps && !out.Followed {
		out.Detail = join(out.Detail, "changes are not heard of: see Cache.Follow")
	}
	out.Columns = h.columns(ctx, text)
	if n.learned.home != nil {
		out.Tables = n.learned.home.names(n.tables)
	}
	slices.Sort(out.Tables)
	if out.Keeps {
		out.MaxAge = -1
		if rec.policy.TTL > 0 {
			out.MaxAge = rec.policy.TTL + max(rec.policy.StaleFor, rec.policy.StaleIfError)
		}
	}
}

// join puts two remarks, which may be empty, one after the other.
func join(first, second string) string {
	if first == "" {
		return second
	}
	return first + "; " + second
}

func (h *ReadThrough) columns(ctx context.Context, text *db.Text) []string {
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
