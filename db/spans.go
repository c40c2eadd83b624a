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
	s.Spans = slices.Clone(s.Spans)
	for i := range s.Spans {
		s.Spans[i] = s.Spans[i].trimmed()
	}
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
