package db

import (
	"context"
	"time"

	"github.com/headrace/headrace/internal/profile"
)

// A Span measures what a program does with databases between [Profile] and End,
// in one goroutine or several: the statements of every handle whose context
// derives from the span's, the waits for connections, and the lookups in
// caches. It is safe for concurrent use.
type Span struct{ s *profile.Span }

// Profile starts a span and returns a context that measures for it. If ctx has
// a span, the new one is nested in it, and what it measures counts for both.
// What still runs at End, or when Stats is called, counts in no part yet. The
// caller must End the span. When an outermost span ends, each handle that it
// used keeps its figures for [DB.Spans].
//
//	ctx, span := db.Profile(ctx, "monthly report")
//	defer span.End()
//
// name is shown as it is: it must contain no secrets, and should be one of few,
// such as the pattern of a route.
func Profile(ctx context.Context, name string) (context.Context, *Span) {
	ctx, s := profile.Start(ctx, name, false)
	return ctx, &Span{s}
}

// ProfileCallSites is [Profile], and records for each statement which places in
// the program sent it. That takes a microsecond or two per statement. In a
// nested span it has no effect.
func ProfileCallSites(ctx context.Context, name string) (context.Context, *Span) {
	ctx, s := profile.Start(ctx, name, true)
	return ctx, &Span{s}
}

// SetName changes the name, for programs that know it only afterwards.
func (s *Span) SetName(name string) { s.s.SetName(name) }

// End ends the span. What runs in its context afterwards counts for the spans
// around it only. Further calls have no effect.
func (s *Span) End() { s.s.End() }

// Stats returns what the span has measured so far.
func (s *Span) Stats() SpanStats { return spanStats(s.s.Snapshot(manyRepeats)) }

// manyRepeats is the number of calls from which on a repeated statement is
// reported.
const manyRepeats = 10

// SpanStats holds the figures of a span. Its size is bounded: 64 statements,
// each with 8 call sites, and 32 nested spans. The spans that a handle keeps
// list 16 statements, each with 2 call sites, and 16 repeats, and texts of at
// most 2 KB: less than 100 KB.
type SpanStats struct {
	Name  string
	Began time.Time
	Took  time.Duration
	Open  bool // the span has not ended

	// Wait, Server and Decode are sums over all operations: their sum exceeds
	// Took if some ran at the same time. Rest is the time during which no
	// operation was under way: the program's own.
	Wait   time.Duration // waiting for a connection, or opening one
	Server time.Duration // on the network and in the server, until the results had arrived
	Decode time.Duration // the rest of the time of statements: encoding, decoding, and what the program does between the rows of Query
	Rest   time.Duration

	Statements  int64
	Rows        int64 // returned or affected
	Bytes       int64 // sent and received, encrypted if the connection is
	Errors      int64
	Retries     int64 // attempts of transactions and statements after the first
	CacheHits   int64 // lookups in a query cache that returned an entry
	CacheMisses int64

	Allocations    uint64 // of the whole process during the span
	AllocatedBytes uint64

	Spans   []SpanStats // nested
	Omitted int         // further nested spans, counted in the figures only

	// The following are set for outermost spans and include nested ones.

	ByStatement []SpanStatement // in descending order of time
	Repeats     []Repeat        // statements in loops ("N+1"), in descending order of calls
}

// A SpanStatement holds the figures of one statement in a span.
type SpanStatement struct {
	Fingerprint uint64
	Name, Text  string // see StatementStats
	Calls, Rows int64
	Errors      int64
	Bytes       int64
	Time        time.Duration
	Network     time.Duration // part of Time

	// Identical counts calls with the same arguments as one of the 32 calls
	// before: a cache would have answered them.
	Identical int64

	// Sites are those of all calls with ProfileCallSites, otherwise of the third
	// to the 64th and of one in 256 later ones, which counts for 256. They are
	// in descending order of calls.
	Sites []CallSite
}

// A CallSite is a place that sent a statement.
type CallSite struct {
	Calls int64
	Stack []Frame // frames of the program, innermost first
}

// A Repeat is a statement that one place sent ten times or more in a span, with
// different arguments each time and fewer than 100 rows per call: a loop of
// round trips, which one statement with = ANY($1), a join, a [Loader], [Gather]
// or a bulk write could replace. A place is a stack; a recursion counts as one
// place. Pages, loads and bulk writes of this module are not repeats, nor are
// the statements of one batch.
type Repeat struct {
	Fingerprint uint64
	Name, Text  string
	Calls       int64
	Stack       []Frame // frames of the program, innermost first
}

// A Frame is a place in the source of a program.
type Frame struct {
	Function, File string
	Line           int
}

func spanStats(s profile.Snapshot) SpanStats {
	out := SpanStats{
		Name: s.Name, Began: s.Began, Took: s.Took, Open: s.Open,
		Wait: s.Wait, Server: s.Server, Decode: s.Decode, Rest: s.Rest,
		Statements: s.Totals.Statements, Rows: s.Rows, Bytes: s.Bytes, Errors: s.Errors,
		Retries: s.Retries, CacheHits: s.CacheHits, CacheMisses: s.CacheMisses,
		Allocations: s.Allocations, AllocatedBytes: s.AllocatedBytes, Omitted: s.Omitted,
	}
	for _, nested := range s.Spans {
		out.Spans = append(out.Spans, spanStats(nested))
	}
	for _, st := range s.Statements {
		one := SpanStatement{
			Fingerprint: st.Fingerprint, Name: st.Name, Text: st.Text, Calls: st.Calls, Rows: st.Rows,
			Errors: st.Errors, Bytes: st.Bytes, Time: st.Time, Network: st.Network, Identical: st.Identical,
		}
		for _, site := range st.Sites {
			one.Sites = append(one.Sites, CallSite{site.Calls, frames(site.Frames)})
		}
		out.ByStatement = append(out.ByStatement, one)
	}
	for _, r := range s.Repeats {
		out.Repeats = append(out.Repeats, Repeat{r.Fingerprint, r.Name, r.Text, r.Calls, frames(r.Frames)})
	}
	return out
}

func frames(all []profile.Frame) []Frame {
	out := make([]Frame, len(all))
	for i, f := range all {
		out[i] = Frame(f)
	}
	return out
}
