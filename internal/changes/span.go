package changes

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/argkey"
	"github.com/headrace/headrace/internal/clock"
	"github.com/headrace/headrace/internal/netmeter"
	"github.com/headrace/headrace/internal/profile"
	"github.com/headrace/headrace/internal/sqltext"
)

// A measurement is what is measured of the running statement or batch of a
// connection.
type measurement struct {
	network netmeter.Figures // of the connection at the begin
	spans   []*profile.Span  // that it counts for
	query   profile.Query
	args    []byte // scratch

	outside  time.Duration // that the program had the turn, as in the body of a loop over rows
	pausedAt time.Duration // when it got the turn that it has now; 0 if it has not
}

// Watch makes all statements count for s, until stop is called.
func (t *Tracker) Watch(s *profile.Span) (stop func()) { return t.watchers.add(s) }

// measure begins to measure what runs on s, and finds the spans that it counts
// for.
func (t *Tracker) measure(ctx context.Context, s *Conn) {
	m := &s.measured
	m.abandon()
	m.network, m.outside, m.pausedAt = s.meter.Figures(), 0, 0
	if s.own {
		return
	}
	if span := profile.From(ctx); span != nil {
		m.spans = append(m.spans, span)
	}
	m.spans = append(m.spans, t.watchers.current()...)
}

// beginSpans records the begin of a statement in its spans.
func (t *Tracker) beginSpans(ctx context.Context, s *Conn, st *statement, args []any) {
	m := &s.measured
	if s.stats == ownStats {
		m.release()
	}
	if len(m.spans) == 0 {
		return
	}
	s.setQuery(st, args)
	for _, span := range m.spans {
		span.Begin(ctx, &m.query, s.began, t.recorder)
	}
}

// setQuery describes a statement to spans.
func (s *Conn) setQuery(st *statement, args []any) {
	m := &s.measured
	m.query = profile.Query{Fingerprint: st.Fingerprint, Stats: s.stats, Source: st.Statement, Repeatable: repeatable(st.Kind)}
	if !m.query.Repeatable || st.Kind == sqltext.CopyFrom { // the rows of a COPY differ
		return
	}
	key := appendArgs(append(m.args[:0], st.Identity[:]...), args) // constants in the text are arguments too
	if m.args = key; cap(key) > maxScratch {
		m.args = nil
	}
	m.query.Args = maphash.Bytes(argsSeed, key) | 1 // 0 means unknown
}

// appendArgs appends the arguments in a form that is equal for equal ones.
func appendArgs(key []byte, args []any) (out []byte) {
	defer func() {
		if recover() != nil { // a method of an argument, which pgx will call too
			out = key
		}
	}()
	if encoded, ok := argkey.Append(key, args); ok {
		return encoded
	}
	return fmt.Appendf(key, "%v", args) // maps are in the order of their keys
}

// maxScratch keeps the memory of huge arguments from staying with connections.
const maxScratch = 16 << 10

var argsSeed = maphash.MakeSeed()

// repeatable reports whether programs repeat statements of a kind with other
// arguments.
func repeatable(kind sqltext.StatementKind) bool {
	switch kind {
	case sqltext.Select, sqltext.Values, sqltext.TableQuery, sqltext.Insert, sqltext.Update, sqltext.Delete, sqltext.Merge,
		sqltext.Call, sqltext.CopyFrom, sqltext.CopyTo, sqltext.Execute:
		return true
	}
	return false
}

// batches numbers batches.
var batches atomic.Uint64

// beginBatchSpans records the begin of a batch in its spans.
func (t *Tracker) beginBatchSpans(ctx context.Context, s *Conn, conn *pgx.Conn, batch *pgx.Batch) {
	m := &s.measured
	if len(m.spans) == 0 {
		return
	}
	number := batches.Add(1)
	for _, span := range m.spans {
		span.Enter(s.began, t.recorder)
	}
	for _, q := range batch.QueuedQueries {
		st := t.sent(s, conn, q.SQL)
		if s.stats = t.statements.statsOf(st, q.SQL); s.stats == ownStats {
			continue
		}
		s.setQuery(st, q.Arguments)
		m.query.Batch = number
		for _, span := range m.spans {
			span.Queue(ctx, &m.query)
		}
	}
}

// Pause records that the program has the turn, with the statement still
// running, until Resume or the statement's end. The receiver may be nil.
func (s *Conn) Pause() {
	if s == nil || len(s.measured.spans) == 0 {
		return
	}
	s.measured.pausedAt = clock.Now()
	for _, span := range s.measured.spans {
		span.Pause(s.measured.pausedAt)
	}
}

// Resume ends a Pause. The receiver may be nil.
func (s *Conn) Resume() {
	if s == nil || s.measured.pausedAt == 0 {
		return
	}
	now := clock.Now()
	s.measured.outside += now - s.measured.pausedAt
	s.measured.pausedAt = 0
	for _, span := range s.measured.spans {
		span.Resume(now)
	}
}

// spanResult returns what was measured until now.
func (s *Conn) spanResult(r result, took time.Duration) profile.Result {
	s.Resume() // a panic in the body of a loop skips it
	network := s.meter.Figures().Since(s.measured.network)
	return profile.Result{
		Took: max(took-s.measured.outside, 0), Network: network.Time, Bytes: network.Bytes,
		Rows: max(r.tag.RowsAffected(), 0), Failed: r.err != nil,
	}
}

// abandon ends what was measured of a statement whose end pgx has not reported,
// as a COPY into a table that does not exist.
func (m *measurement) abandon() {
	if len(m.spans) == 0 {
		return
	}
	for _, span := range m.spans {
		span.Leave(clock.Now(), profile.Result{})
	}
	m.release()
}

// release forgets the spans of a statement or batch that has ended.
func (m *measurement) release() {
	if len(m.spans) > 0 {
		clear(m.spans)
		m.spans = m.spans[:0]
	}
}
