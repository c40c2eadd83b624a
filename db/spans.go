package db

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/headrace/headrace/internal/clock"
	"github.com/headrace/headrace/internal/profile"
)

// Spans holds the outermost spans that used a handle and have ended.
type Spans struct {
	Latest  []SpanStats // the latest 64, newest first
	Slowest []SpanStats // the 32 that took longest during the last hour, slowest first
	Loops   []Loop      // in all spans since the handle was opened, in descending order of Time; at most 256
}

// A Loop sums up what spans repeated of one statement: a [Repeat] in one place,
// or, with Identical, calls with the arguments of an earlier call of the same
// span (see SpanStatement.Identical).
type Loop struct {
	Fingerprint uint64
	Name, Text  string
	Identical   bool
	Stack       []Frame // the place, innermost first; nil if unknown

	Span     string        // name of the latest span that had it
	Spans    int64         // number of spans that had it
	Calls    int64         // that were repeated
	AllCalls int64         // of the statement, in these spans
	Time     time.Duration // of the repeated calls; for a Repeat without one call for each span, which would remain
}

const (
	latestSpans  = 64
	slowestSpans = 32
	slowestAge   = time.Hour
)

// Spans returns the spans that a handle has kept. See [Profile].
func (d *DB) Spans() Spans { return d.spans.list(clock.Now()) }

// spanRing keeps spans that have ended. Its memory is bounded: latestSpans and
// slowestSpans, each of a bounded size.
type spanRing struct {
	logger *slog.Logger

	mu      sync.Mutex
	latest  [latestSpans]SpanStats // a ring; guarded by mu
	ended   int                    // number of all spans that have ended; guarded by mu
	slowest []keptSpan             // at most slowestSpans, in no order; guarded by mu
	loops   map[loopKey]*Loop      // guarded by mu
	logged  map[loggedRepeat]time.Duration
}

type keptSpan struct {
	SpanStats
	ended time.Duration // by clock.Now
}

// Ended keeps a span that has ended, and logs its repeats.
func (r *spanRing) Ended(s *profile.Span) {
	stats := spanStats(s.Snapshot(manyRepeats))
	r.addLoops(&stats)
	r.add(stats.trimmed(), clock.Now())
	for _, repeat := range stats.Repeats {
		r.logRepeat(stats.Name, repeat, clock.Now())
	}
}

// trimmed returns the figures with fewer details, to be kept.
func (s SpanStats) trimmed() SpanStats {
	s.Name = shortened(s.Name)
	s.ByStatement = slices.Clone(s.ByStatement[:min(len(s.ByStatement), 16)])
	for i := range s.ByStatement {
		one := &s.ByStatement[i]
		one.Text = shortened(one.Text)
		one.Sites = slices.Clone(one.Sites[:min(len(one.Sites), 2)])
	}
	s.Repeats = slices.Clone(s.Repeats[:min(len(s.Repeats), 16)])
	for i := range s.Repeats {
		s.Repeats[i].Text = shortened(s.Repeats[i].Text)
	}
	return s
}

// longestKept is the longest text in a kept span, in bytes.
const longestKept = 2 << 10

// shortened returns the beginning of a long text.
func shortened(text string) string {
	if len(text) <= longestKept {
		return text
	}
	return strings.ToValidUTF8(text[:longestKept], "") + "…"
}

func (r *spanRing) add(stats SpanStats, now time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.latest[r.ended%latestSpans] = stats
	r.ended++
	r.slowest = slices.DeleteFunc(r.slowest, func(s keptSpan) bool { return now-s.ended > slowestAge })
	if len(r.slowest) < slowestSpans {
		r.slowest = append(r.slowest, keptSpan{stats, now})
		return
	}
	quickest := 0
	for i := range r.slowest {
		if r.slowest[i].Took < r.slowest[quickest].Took {
			quickest = i
		}
	}
	if stats.Took > r.slowest[quickest].Took {
		r.slowest[quickest] = keptSpan{stats, now}
	}
}

func (r *spanRing) list(now time.Duration) Spans {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out Spans
	for i := r.ended - 1; i >= max(r.ended-latestSpans, 0); i-- {
		out.Latest = append(out.Latest, r.latest[i%latestSpans])
	}
	for _, s := range r.slowest {
		if now-s.ended <= slowestAge {
			out.Slowest = append(out.Slowest, s.SpanStats)
		}
	}
	for _, l := range r.loops {
		out.Loops = append(out.Loops, *l)
	}
	slices.SortFunc(out.Loops, func(a, b Loop) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	slices.SortStableFunc(out.Slowest, func(a, b SpanStats) int { return cmp.Compare(b.Took, a.Took) })
	return out
}

// A loopKey identifies a Loop.
type loopKey struct {
	fingerprint uint64
	name        string
	place       Frame
	identical   bool
}

// maxLoops bounds the loops; further ones are not counted.
const maxLoops = 256

// addLoops adds what a span repeated.
func (r *spanRing) addLoops(s *SpanStats) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, repeat := range s.Repeats {
		l := Loop{Fingerprint: repeat.Fingerprint, Name: repeat.Name, Text: repeat.Text, Stack: repeat.Stack, Calls: repeat.Calls}
		for _, st := range s.ByStatement {
			if st.Fingerprint == repeat.Fingerprint && st.Name == repeat.Name && st.Calls > 0 {
				l.AllCalls, l.Time = st.Calls, shareOf(st.Time, repeat.Calls-1, st.Calls)
			}
		}
		r.addLoop(s.Name, &l)
	}
	for _, st := range s.ByStatement {
		if st.Identical == 0 {
			continue
		}
		l := Loop{Fingerprint: st.Fingerprint, Name: st.Name, Text: st.Text, Identical: true, Calls: st.Identical, AllCalls: st.Calls}
		l.Time = shareOf(st.Time, st.Identical, st.Calls)
		if len(st.Sites) > 0 {
			l.Stack = st.Sites[0].Stack
		}
		r.addLoop(s.Name, &l)
	}
}

// shareOf returns the time of some calls of all that took the given time.
func shareOf(took time.Duration, some, all int64) time.Duration {
	return time.Duration(float64(took) * float64(some) / float64(all))
}

// addLoop adds a loop of a span. Called with mu held.
func (r *spanRing) addLoop(span string, l *Loop) {
	key := loopKey{fingerprint: l.Fingerprint, name: l.Name, identical: l.Identical}
	if len(l.Stack) > 0 && !l.Identical {
		key.place = l.Stack[0]
	}
	sum := r.loops[key]
	if sum == nil {
		if len(r.loops) >= maxLoops {
			return
		}
		sum = &Loop{Fingerprint: l.Fingerprint, Name: l.Name, Text: l.Text, Identical: l.Identical, Stack: l.Stack}
		if r.loops == nil {
			r.loops = make(map[loopKey]*Loop)
		}
		r.loops[key] = sum
	}
	if sum.Stack == nil {
		sum.Stack = l.Stack
	}
	sum.Span = span
	sum.Spans++
	sum.Calls += l.Calls
	sum.AllCalls += l.AllCalls
	sum.Time += l.Time
}

// A loggedRepeat identifies a statement and the place that repeats it.
type loggedRepeat struct {
	fingerprint uint64
	place       [3]Frame // the innermost frames
}

const (
	maxLoggedRepeats = 256
	logRepeatsEvery  = time.Hour
)

// logRepeat logs a repeat unless it was logged within the last hour.
func (r *spanRing) logRepeat(span string, repeat Repeat, now time.Duration) {
	key := loggedRepeat{fingerprint: repeat.Fingerprint}
	copy(key.place[:], repeat.Stack)
	r.mu.Lock()
	last, known := r.logged[key]
	due := !known && len(r.logged) < maxLoggedRepeats || known && now-last >= logRepeatsEvery
	if due {
		r.logged[key] = now
	}
	r.mu.Unlock()
	if !due {
		return
	}
	attrs := []slog.Attr{
		slog.String("span", span), slog.Int64("calls", repeat.Calls),
		slog.String("statement", repeat.Text), slog.Uint64("fingerprint", repeat.Fingerprint),
	}
	if repeat.Name != "" {
		attrs = append(attrs, slog.String("name", repeat.Name))
	}
	if at := key.place[0]; at.File != "" {
		attrs = append(attrs, slog.String("function", at.Function), slog.String("file", at.File), slog.Int("line", at.Line))
	}
	if from := key.place[1]; from.File != "" {
		attrs = append(attrs, slog.String("called_by", fmt.Sprintf("%s (%s:%d)", from.Function, from.File, from.Line)))
	}
	r.logger.LogAttrs(context.Background(), slog.LevelWarn, "statement repeated in a loop", attrs...)
}
