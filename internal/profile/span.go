package profile

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/internal/clock"
)

// A Span is a measured part of a program. The statements of nested spans count
// for the enclosing spans too. It is safe for concurrent use.
type Span struct {
	root   *root
	parent *Span // nil for the outermost

	began     time.Duration // by clock.Now
	beganTime time.Time     // for display
	allocated allocations   // of the process when the span began

	// All below is guarded by root.mu.

	name     string
	ended    bool
	took     time.Duration
	allocs   allocations // of the process during the span, once ended
	totals   Totals
	running  int           // operations under way
	idle     time.Duration // when the last running operation ended
	rest     time.Duration // during which no operation was under way
	children []*Span       // at most MaxSpans in all spans of the root
	omitted  int           // further nested spans
}

// The bounds of a span's lists.
const (
	MaxStatements = 64
	MaxSpans      = 32
)

// Totals are the sums of a span over its operations.
type Totals struct {
	Wait   time.Duration // for connections
	Server time.Duration // for the network and the server
	Decode time.Duration // rest of the time of statements

	Statements, Rows, Bytes, Errors, Retries, CacheHits, CacheMisses int64
}

// root is what the spans of one outermost span share.
type root struct {
	mu         sync.Mutex
	most       int  // of statements
	nested     int  // spans in lists of children
	callSites  bool // take the stack of every statement
	unrecorded bool
	statements map[statementKey]*statement
	other      *statement // those that did not fit; nil if none
	last       *statement // that was looked up last; nil if none
	lastKey    statementKey
	stack      Stack      // scratch
	recorders  []Recorder // of the handles that the span used, at most maxRecorders
}

// A Recorder receives outermost spans when they end.
type Recorder interface{ Ended(s *Span) }

const maxRecorders = 8

type scopeKey struct{}

// A scope is the context value.
type scope struct {
	span   *Span
	caller *Stack // where the operation was called, if that is another goroutine's stack
}

// Start returns a new span, nested in that of ctx if there is one, and a
// context with it. callSites makes an outermost span record the call site of
// every statement.
func Start(ctx context.Context, name string, callSites bool) (context.Context, *Span) {
	s := &Span{parent: From(ctx), name: name, began: clock.Now(), beganTime: time.Now(), allocated: readAllocations()}
	s.idle = s.began
	if s.parent == nil {
		s.root = &root{callSites: callSites, most: MaxStatements, statements: make(map[statementKey]*statement)}
	} else {
		s.root = s.parent.root
		s.parent.adopt(s)
	}
	used.Store(true)
	return context.WithValue(ctx, scopeKey{}, &scope{span: s}), s
}

// used reports whether the process has ever had a span: until then no context
// needs to be searched.
var used atomic.Bool

// manyStatements are those that a span of New lists.
const manyStatements = 4096

// New returns an outermost span without a context, with call sites and room for
// 4,096 statements. Recorders do not receive it.
func New(name string) *Span {
	_, s := Start(context.Background(), name, true)
	s.root.unrecorded, s.root.most = true, manyStatements
	return s
}

// From returns the span of ctx, or nil.
func From(ctx context.Context) *Span {
	if !used.Load() {
		return nil
	}
	if sc, ok := ctx.Value(scopeKey{}).(*scope); ok {
		return sc.span
	}
	return nil
}

func (s *Span) adopt(child *Span) {
	s.root.mu.Lock()
	defer s.root.mu.Unlock()
	if s.root.nested == MaxSpans {
		s.omitted++
		return
	}
	s.children = append(s.children, child)
	s.root.nested++
}

// SetName changes the name.
func (s *Span) SetName(name string) {
	s.root.mu.Lock()
	defer s.root.mu.Unlock()
	s.name = name
}

// End ends the span. Only the first call counts.
func (s *Span) End() {
	now, allocated := clock.Now(), readAllocations()
	s.root.mu.Lock()
	if s.ended {
		s.root.mu.Unlock()
		return
	}
	s.took = now - s.began
	s.allocs = allocated.since(s.allocated)
	s.rest = s.restUntil(now)
	s.ended = true
	var recorders []Recorder
	if s.parent == nil {
		recorders = s.root.recorders
	}
	s.root.mu.Unlock()
	for _, r := range recorders {
		r.Ended(s)
	}
}

// restUntil returns the time until now during which no operation was under way.
// Called with root.mu held.
func (s *Span) restUntil(now time.Duration) time.Duration {
	if s.ended || s.running > 0 {
		return s.rest
	}
	return s.rest + max(now-s.idle, 0)
}

// enter records the begin of an operation in the span and those around it.
// Called with root.mu held.
func (s *Span) enter(at time.Duration) {
	for ; s != nil; s = s.parent {
		if s.running == 0 && !s.ended {
			s.rest += max(at-s.idle, 0)
		}
		s.running++
	}
}

// leave records the end of an operation. Called with root.mu held.
func (s *Span) leave(at time.Duration) {
	for ; s != nil; s = s.parent {
		if s.running--; s.running == 0 {
			s.idle = max(at, s.idle)
		}
	}
}

// add calls fn with the totals of the span and those around it that have not
// ended. Called with root.mu held.
func (s *Span) add(fn func(*Totals)) {
	for ; s != nil; s = s.parent {
		if !s.ended {
			fn(&s.totals)
		}
	}
}

// Wait records a wait for a connection. The receiver may be nil.
func (s *Span) Wait(from, to time.Duration) {
	if s == nil {
		return
	}
	s.root.mu.Lock()
	defer s.root.mu.Unlock()
	s.enter(from)
	s.add(func(t *Totals) { t.Wait += to - from })
	s.leave(to)
}

// Retry records that an operation is run again. The receiver may be nil.
func (s *Span) Retry() {
	if s == nil {
		return
	}
	s.root.mu.Lock()
	defer s.root.mu.Unlock()
	s.add(func(t *Totals) { t.Retries++ })
}

// Lookup records a lookup in a cache. The receiver may be nil.
func (s *Span) Lookup(hit bool, r Recorder) {
	if s == nil {
		return
	}
	s.root.mu.Lock()
	defer s.root.mu.Unlock()
	s.root.use(r)
	s.add(func(t *Totals) {
		if hit {
			t.CacheHits++
		} else {
			t.CacheMisses++
		}
	})
}

// Pause records that the running statement waits for the program until Resume.
func (s *Span) Pause(at time.Duration) {
	s.root.mu.Lock()
	defer s.root.mu.Unlock()
	s.leave(at)
}

// Resume ends a Pause.
func (s *Span) Resume(at time.Duration) {
	s.root.mu.Lock()
	defer s.root.mu.Unlock()
	s.enter(at)
}

// use remembers a handle that the span used. Called with mu held.
func (t *root) use(r Recorder) {
	if r == nil || t.unrecorded || len(t.recorders) == maxRecorders || slices.Contains(t.recorders, r) {
		return
	}
	t.recorders = append(t.recorders, r)
}
