package changes

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/clock"
	"github.com/headrace/headrace/internal/profile"
)

var (
	_ pgxpool.AcquireTracer = (*Tracker)(nil)
	_ pgxpool.ReleaseTracer = (*Tracker)(nil)
)

// A use describes by whom and since when a connection is in use. Other
// goroutines read it.
type use struct {
	taken atomic.Int64 // clock.Now when the connection was acquired; 0 while it is in the pool
	busy  atomic.Bool  // a statement or batch is running, or its rows are open
	inTx  atomic.Bool  // a transaction is open

	acquired uint64 // number of acquisitions; belongs to the holder

	mu       sync.Mutex
	stack    profile.Stack // of a sampled acquisition; guarded by mu
	stackFor int64         // the value of taken that stack belongs to; guarded by mu
}

// sampleAcquired is how many acquisitions of a connection there are for each
// recorded stack.
const sampleAcquired = 64

// A Held describes a connection in use.
type Held struct {
	For   time.Duration  // since it was acquired
	Busy  bool           // a statement is running, or its rows are open
	InTx  bool           // a transaction is open
	Last  string         // label of the last statement, "" if there was none
	Stack *profile.Stack // of the caller that acquired it; nil if not sampled
}

// TraceAcquireStart implements [pgxpool.AcquireTracer].
func (t *Tracker) TraceAcquireStart(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireStartData) context.Context {
	return ctx
}

// TraceAcquireEnd records that a connection is in use, whoever acquired it.
func (t *Tracker) TraceAcquireEnd(_ context.Context, _ *pgxpool.Pool, data pgxpool.TraceAcquireEndData) {
	if data.Conn == nil {
		return
	}
	u := &t.state(data.Conn).use
	now := int64(clock.Now())
	u.inTx.Store(false)
	u.taken.Store(now)
	if u.acquired++; u.acquired%sampleAcquired != 1 && t.sampleAll.Load() == 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stack.Record()
	u.stackFor = now
}

// TraceRelease records that a connection is in the pool again.
func (t *Tracker) TraceRelease(_ *pgxpool.Pool, data pgxpool.TraceReleaseData) {
	if s := Of(data.Conn); s != nil {
		s.measured.abandon()
		s.use.busy.Store(false)
		s.use.taken.Store(0)
	}
}

// SampleAll adds to the number of callers for whom the Tracker records the stack
// of every acquisition.
func (t *Tracker) SampleAll(callers int32) { t.sampleAll.Add(callers) }

// ended records that a statement has ended.
func (u *use) ended(conn *pgx.Conn) {
	u.busy.Store(false)
	u.inTx.Store(conn.PgConn().TxStatus() != 'I')
}

// Taken returns when the connection was acquired, by [clock.Now], and 0 while
// it is not in use. It is safe for concurrent use.
func (s *Conn) Taken() time.Duration { return time.Duration(s.use.taken.Load()) }

// Held describes the use of the connection, and reports whether it is in use.
// It is safe for concurrent use.
func (s *Conn) Held() (Held, bool) {
	u := &s.use
	taken := u.taken.Load()
	if taken == 0 {
		return Held{}, false
	}
	h := Held{For: clock.Now() - time.Duration(taken), Busy: u.busy.Load(), InTx: u.inTx.Load()}
	if last := s.last.Load(); last != nil {
		h.Last = last.Label()
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.stackFor == taken {
		stack := u.stack
		h.Stack = &stack
	}
	return h, true
}
