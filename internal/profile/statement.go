package profile

import (
	"context"
	"slices"
	"time"

	"github.com/headrace/headrace/internal/stmtstats"
)

// A Query is a statement that a program sends.
type Query struct {
	Fingerprint uint64
	Stats       *stmtstats.Statement
	Source      Source
	Args        uint64 // hash of the arguments, 0 if unknown, as of a COPY
	Repeatable  bool   // a read or write that programs repeat, not a BEGIN or SET
	Batch       uint64 // number of the batch that it is sent in, 0 if none
}

// A Source returns the text of a statement for display, without constants.
type Source interface{ FingerprintText() string }

// A Result is how a statement ended.
type Result struct {
	Took    time.Duration // without the time that it waited for the program
	Network time.Duration // part of Took in reads and writes of the connection
	Bytes   int64
	Rows    int64
	Failed  bool
}

type statementKey struct {
	fingerprint uint64
	stats       *stmtstats.Statement
}

// A statement holds the figures of one statement in a span.
type statement struct {
	query         Query
	calls, rows   int64
	time, network time.Duration
	bytes, errors int64

	identical int64              // calls with arguments that an earlier call had
	recent    [recentArgs]uint64 // hashes of the latest arguments, a ring
	distinct  int64              // calls with other arguments, which may be a loop's
	batch     uint64             // last batch that counted as a call in distinct
	sites     []site
}

const (
	recentArgs = 32
	maxSites   = 8
)

// Begin records the begin of a statement, on a handle with the given recorder.
func (s *Span) Begin(ctx context.Context, q *Query, at time.Duration, r Recorder) {
	s.root.mu.Lock()
	defer s.root.mu.Unlock()
	s.root.use(r)
	s.enter(at)
	s.count(ctx, q)
}

// Queue records a statement of a batch that is about to be sent.
func (s *Span) Queue(ctx context.Context, q *Query) {
	s.root.mu.Lock()
	defer s.root.mu.Unlock()
	s.count(ctx, q)
}

// Enter records the begin of an operation, on a handle with the given recorder.
func (s *Span) Enter(at time.Duration, r Recorder) {
	s.root.mu.Lock()
	defer s.root.mu.Unlock()
	s.root.use(r)
	s.enter(at)
}

// Leave records the end of an operation that took as long as res says.
func (s *Span) Leave(at time.Duration, res Result) {
	s.root.mu.Lock()
	defer s.root.mu.Unlock()
	s.addTime(res)
	s.leave(at)
}

func (s *Span) addTime(res Result) {
	network := min(res.Network, res.Took)
	s.add(func(t *Totals) {
		t.Server += network
		t.Decode += res.Took - network
		t.Bytes += res.Bytes
	})
}

// EndStatement records the end of the statement q that Begin has recorded.
func (s *Span) EndStatement(q *Query, at time.Duration, res Result) {
	s.root.mu.Lock()
	defer s.root.mu.Unlock()
	s.addTime(res)
	s.addResult(q, res)
	s.leave(at)
}

// Answered records the result of a statement that Queue has recorded.
func (s *Span) Answered(q *Query, res Result) {
	s.root.mu.Lock()
	defer s.root.mu.Unlock()
	s.addResult(q, res)
}

func (s *Span) addResult(q *Query, res Result) {
	s.add(func(t *Totals) {
		t.Rows += res.Rows
		if res.Failed {
			t.Errors++
		}
	})
	st := s.root.statement(q)
	st.rows += res.Rows
	st.time += res.Took
	st.network += min(res.Network, res.Took)
	st.bytes += res.Bytes
	if res.Failed {
		st.errors++
	}
}

// statement returns the figures of q. Called with mu held.
func (t *root) statement(q *Query) *statement {
	key := statementKey{q.Fingerprint, q.Stats}
	if t.last != nil && t.lastKey == key {
		return t.last
	}
	if st := t.statements[key]; st != nil {
		t.last, t.lastKey = st, key
		return st
	}
	if len(t.statements) < t.most {
		st := &statement{query: *q}
		t.statements[key] = st
		return st
	}
	if t.other == nil {
		t.other = new(statement)
	}
	return t.other
}

// count records that q is sent. Called with root.mu held.
func (s *Span) count(ctx context.Context, q *Query) {
	s.add(func(t *Totals) { t.Statements++ })
	st := s.root.statement(q)
	st.calls++
	if st == s.root.other || !q.Repeatable {
		return
	}
	if st.identicalArgs(q.Args) {
		st.identical++
		if n := weight(st.identical, s.root.callSites); n > 0 {
			st.note(s.root.callerOf(ctx)).identical += n
		}
		return
	}
	if q.Batch != 0 && q.Batch == st.batch {
		return // many statements in one round trip are no loop of round trips
	}
	st.batch = q.Batch
	st.distinct++
	if n := weight(st.distinct, s.root.callSites); n > 0 {
		st.note(s.root.callerOf(ctx)).distinct += n
	}
}

// Stacks are recorded of the calls after the first unsampled ones, and of one in
// sampledEvery once there were manySampled.
const (
	manySampled  = 64
	sampledEvery = 256
)

// weight returns for how many calls the stack of the n-th call stands; 0 if it
// is not recorded.
func weight(n int64, all bool) int64 {
	switch {
	case all || n > unsampled && n <= manySampled:
		return 1
	case n == sampledEvery:
		return sampledEvery - manySampled
	case n > manySampled && n%sampledEvery == 0:
		return sampledEvery
	}
	return 0
}

// identicalArgs reports whether a recent call had the same arguments, and
// remembers them.
func (st *statement) identicalArgs(hash uint64) bool {
	if hash == 0 {
		return false
	}
	if slices.Contains(st.recent[:], hash) {
		return true
	}
	st.recent[st.distinct%recentArgs] = hash
	return false
}

// Repeated reports whether the next call of a statement may need its call site:
// a caller that hands it to another goroutine records its own by [WithCaller]
// then. The receiver may be nil.
func (s *Span) Repeated() bool {
	if s == nil {
		return false
	}
	s.root.mu.Lock()
	defer s.root.mu.Unlock()
	if s.root.callSites {
		return true
	}
	for _, st := range s.root.statements {
		if st.distinct >= unsampled || st.identical >= unsampled {
			return true
		}
	}
	return false
}
