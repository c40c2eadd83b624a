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
	Name        string
	Calls       int64
	Rows        int64
	Errors      map[string]int64
	Total, Max  time.Duration
	Wait        time.Duration
	P50         time.Duration
	P95, P99    time.Duration
}

// A Statement counts the calls of one fingerprint under one name. It is safe
// for concurrent use.
type Statement struct {
	fingerprint uint64
	text        string
	name        string
	rows        atomic.Int64
	total, wait atomic.Int64 // nanoseconds
	longest     atomic.Int64 // nanoseconds
	times       histogram

	mu     sync.Mutex
	errors map[string]int64 // by SQLSTATE class; guarded by mu
}

// Add counts one call that returned or affected the given number of rows.
func (f *Statement) Add(took, wait time.Duration, rows int64, err error) {
	f.times.add(took) // the number of calls is the sum of its counts
	if rows > 0 {
		f.rows.Add(rows)
	}
	f.total.Add(int64(took))
	if wait >= minWait {
		f.wait.Add(int64(wait))
	}
	raise(&f.longest, int64(took))
	if err != nil {
		f.countError(err)
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
	counts := f.times.counts()
	out := Snapshot{
		Fingerprint: f.fingerprint,
		Text:        f.text,
		Name:        f.name,
		Calls:       int64(sum(counts)),
		Rows:        f.rows.Load(),
		Total:       time.Duration(f.total.Load()),
		Max:         time.Duration(f.longest.Load()),
		Wait:        time.Duration(f.wait.Load()),
		P50:         quantile(counts, 0.50),
		P95:         quantile(counts, 0.95),
		P99:         quantile(counts, 0.99),
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
