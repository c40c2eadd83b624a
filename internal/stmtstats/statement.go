package stmtstats

import (
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/sqltext"
)

// A Snapshot holds the figures of one [Statement]; see db.StatementStats.
type Snapshot struct {
	Fingerprint uint64
	Text        string
	Summary     string
	Name        string
	Calls       int64
	Rows        int64
	Errors      map[string]int64
	Total, Max  time.Duration
	Wait        time.Duration
	Network     time.Duration
	Bytes       int64
	Times       Histogram
}

// A Statement counts the calls of one fingerprint under one name. It is safe
// for concurrent use.
type Statement struct {
	fingerprint uint64
	text        string
	summary     string
	name        string
	rows        atomic.Int64
	bytes       atomic.Int64
	total, wait atomic.Int64 // nanoseconds
	network     atomic.Int64 // nanoseconds
	longest     atomic.Int64 // nanoseconds
	times       histogram

	mu     sync.Mutex
	errors map[string]int64 // by SQLSTATE class; guarded by mu
}

// A Call is one call of a statement.
type Call struct {
	Took, Wait time.Duration
	Network    time.Duration // part of Took
	Bytes      int64
	Rows       int64 // returned or affected
	Err        error
}

// Add counts one call.
func (f *Statement) Add(c Call) {
	f.times.add(c.Took) // the number of calls is the sum of its counts
	if c.Rows > 0 {
		f.rows.Add(c.Rows)
	}
	f.total.Add(int64(c.Took))
	if c.Bytes > 0 {
		f.bytes.Add(c.Bytes)
		f.network.Add(int64(c.Network))
	}
	if c.Wait >= minWait {
		f.wait.Add(int64(c.Wait))
	}
	raise(&f.longest, int64(c.Took))
	if c.Err != nil {
		f.countError(c.Err)
	}
}

// Named returns figures with a name only, for tests and for statements that are
// not reported.
func Named(name string) *Statement { return &Statement{name: name} }

// Name returns the name of the statement, or "".
func (f *Statement) Name() string { return f.name }

// Label returns the label of the statement for messages. It contains no
// constants.
func (f *Statement) Label() string {
	if f.name != "" {
		return f.name
	}
	return sqltext.Shorten(f.text)
}

func (f *Statement) countError(err error) {
	class := "client"
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && len(pgErr.Code) >= 2 {
		class = pgErr.Code[:2]
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.errors == nil {
		f.errors = make(map[string]int64)
	}
	f.errors[class]++
}

// Snapshot returns the current figures.
func (f *Statement) Snapshot() Snapshot {
	times := f.times.snapshot()
	out := Snapshot{
		Fingerprint: f.fingerprint,
		Text:        f.text,
		Summary:     f.summary,
		Name:        f.name,
		Calls:       int64(times.Count()),
		Rows:        f.rows.Load(),
		Total:       time.Duration(f.total.Load()),
		Max:         time.Duration(f.longest.Load()),
		Wait:        time.Duration(f.wait.Load()),
		Network:     time.Duration(f.network.Load()),
		Bytes:       f.bytes.Load(),
		Times:       times,
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.errors) > 0 {
		out.Errors = maps.Clone(f.errors)
	}
	return out
}

// raise sets v to n if n is greater.
func raise(v *atomic.Int64, n int64) {
	for old := v.Load(); n > old; old = v.Load() {
		if v.CompareAndSwap(old, n) {
			return
		}
	}
}
