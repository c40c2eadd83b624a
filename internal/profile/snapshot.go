package profile

import (
	"cmp"
	"slices"
	"time"

	"github.com/headrace/headrace/internal/clock"
)

// A Snapshot is what a span has measured.
type Snapshot struct {
	Name  string
	Began time.Time
	Took  time.Duration
	Open  bool
	Totals
	Rest           time.Duration // during which no operation was under way
	AllocatedBytes uint64
	Allocations    uint64

	Spans   []Snapshot
	Omitted int

	// Of an outermost span only.
	Statements []StatementSnapshot // in descending order of time
	Repeats    []Repeat
}

// A StatementSnapshot holds the figures of a statement in a span.
type StatementSnapshot struct {
	Fingerprint   uint64
	Name, Text    string
	Calls, Rows   int64
	Errors, Bytes int64
	Identical     int64 // calls with arguments that an earlier call had
	Time, Network time.Duration
	Sites         []SiteSnapshot // in descending order of calls
}

// A SiteSnapshot is a place that sent a statement.
type SiteSnapshot struct {
	Calls  int64
	Frames []Frame
}

// A Repeat is a statement that one place sent often, with other arguments each
// time.
type Repeat struct {
	Fingerprint uint64
	Name, Text  string
	Calls       int64
	Frames      []Frame
}

// Snapshot returns what the span has measured so far, with the repeats of at
// least the given number of calls.
func (s *Span) Snapshot(repeats int64) Snapshot {
	now, allocated := clock.Now(), readAllocations()
	s.root.mu.Lock()
	defer s.root.mu.Unlock()
	out := s.snapshot(now, allocated)
	if s.parent != nil {
		return out
	}
	for _, st := range s.root.statements {
		out.Statements = append(out.Statements, st.snapshot())
		out.Repeats = append(out.Repeats, st.repeats(repeats)...)
	}
	if s.root.other != nil {
		out.Statements = append(out.Statements, s.root.other.snapshot())
	}
	slices.SortFunc(out.Statements, func(a, b StatementSnapshot) int { return cmp.Compare(b.Time, a.Time) })
	slices.SortFunc(out.Repeats, func(a, b Repeat) int { return cmp.Compare(b.Calls, a.Calls) })
	return out
}

func (s *Span) snapshot(now time.Duration, allocated allocations) Snapshot {
	out := Snapshot{Name: s.name, Began: s.beganTime, Took: s.took, Open: !s.ended, Totals: s.totals, Rest: s.restUntil(now), Omitted: s.omitted}
	allocs := s.allocs
	if out.Open {
		out.Took = now - s.began
		allocs = allocated.since(s.allocated)
	}
	out.Allocations, out.AllocatedBytes = allocs.objects, allocs.bytes
	for _, child := range s.children {
		out.Spans = append(out.Spans, child.snapshot(now, allocated))
	}
	return out
}

func (st *statement) snapshot() StatementSnapshot {
	out := StatementSnapshot{
		Fingerprint: st.query.Fingerprint, Name: st.name(), Text: st.text(),
		Calls: st.calls, Rows: st.rows, Errors: st.errors, Bytes: st.bytes,
		Identical: st.identical, Time: st.time, Network: st.network,
	}
	for i := range st.sites {
		out.Sites = append(out.Sites, SiteSnapshot{st.sites[i].distinct + st.sites[i].identical, st.sites[i].stack.Frames()})
	}
	slices.SortStableFunc(out.Sites, func(a, b SiteSnapshot) int { return cmp.Compare(b.Calls, a.Calls) })
	return out
}

func (st *statement) text() string {
	if st.query.Source == nil {
		return "(other statements)"
	}
	return st.query.Source.FingerprintText()
}

func (st *statement) name() string {
	if st.query.Stats == nil {
		return ""
	}
	return st.query.Stats.Name()
}

// placesOfDistinct returns the number of places that sent the statement with
// other arguments each time.
func (st *statement) placesOfDistinct() (n int) {
	for i := range st.sites {
		if st.sites[i].distinct > 0 {
			n++
		}
	}
	return n
}

// manyRows is how many rows a statement returns or changes on average from
// which on its repetition counts as work in chunks, not as a loop over rows.
const manyRows = 100

// repeats returns the places that sent the statement at least k times, with
// other arguments each time.
func (st *statement) repeats(k int64) []Repeat {
	if st.distinct < k || st.rows/st.calls >= manyRows {
		return nil
	}
	var out []Repeat
	for i := range st.sites {
		site := &st.sites[i]
		calls := site.distinct
		if calls > 0 && st.placesOfDistinct() == 1 {
			calls = st.distinct // with those before the first recorded stack
		}
		if calls < k || site.stack.inLoop() {
			continue
		}
		// Without a frame of the program the loop is one of this module's: that
		// of a Loader, which sends many keys with each statement.
		if frames := site.stack.Frames(); len(frames) > 0 {
			out = append(out, Repeat{st.query.Fingerprint, st.name(), st.text(), calls, frames})
		}
	}
	return out
}
