package db

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/sqltext"
)

// Stats is what a handle has measured since it was opened.
type Stats struct {
	Pool       *pgxpool.Stat    // the pool's own figures
	Waits      Waits            // how long callers waited for a connection
	Statements []StatementStats // by fingerprint, the one that took most time first

	// LostNames counts statements and batches that failed because a pooler in
	// between did not know a prepared name, or knew it already (26000, 42P05).
	// Outside of transactions they were run again, but for batches of the
	// program's own, of which it may have read results.
	LostNames int64
}

// Waits tells how long callers of the handle waited for a connection, those
// that got none included, and the time that it takes to make one. Less than a
// microsecond counts as no time. Callers of Pool are not among them.
type Waits struct {
	Count         int64
	Total, Max    time.Duration
	P50, P95, P99 time.Duration // at most 3.2 % off
}

// StatementStats is what was measured of all statements with one name and one
// fingerprint: of the same text but for its constants and the lengths of its
// lists. Past 2,048 of them, further ones are counted together, with
// Fingerprint 0.
//
// Bytes are not among the figures: the hooks of pgx do not tell them. To count
// them the network connection would have to be wrapped, out of sight of
// programs that look at it, and what was read ahead could not be told apart.
type StatementStats struct {
	Fingerprint uint64
	Text        string // the fingerprint's text, constants replaced
	Name        string // of the statement, or ""
	Calls       int64
	Rows        int64            // returned or affected
	Errors      map[string]int64 // by SQLSTATE class ("23"); "client" for errors that are not the server's
	Total, Max  time.Duration    // from sending to the end of the result, without the wait for a connection
	Wait        time.Duration    // for a connection, all calls together
	P50         time.Duration    // percentiles of the time of one call, at most 3.2 % off
	P95, P99    time.Duration
}

// Stats returns the figures at this moment. It costs some microseconds a
// statement and may be called from any goroutine.
func (d *DB) Stats() Stats {
	return Stats{
		Pool:       d.pool.Stat(),
		Waits:      d.waits.snapshot(),
		Statements: d.statements.prints.snapshot(),
		LostNames:  d.lostNames.count.Load(),
	}
}

// fingerprintStats counts the calls of one fingerprint under one name. All
// fields are safe for concurrent use.
type fingerprintStats struct {
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

// add counts one call.
func (f *fingerprintStats) add(took, wait time.Duration, rows int64, err error) {
	f.times.add(took) // the calls are the sum of its counts
	if rows > 0 {
		f.rows.Add(rows)
	}
	f.total.Add(int64(took))
	if wait >= shortestWait {
		f.wait.Add(int64(wait))
	}
	raise(&f.longest, int64(took))
	if err != nil {
		f.countError(err)
	}
}

// label is how messages call the statement. It shows no constant.
func (f *fingerprintStats) label() string {
	if f.name != "" {
		return f.name
	}
	return sqltext.Shorten(f.text)
}

func (f *fingerprintStats) countError(err error) {
	class := "client"
	if pgErr, ok := asPgError(err); ok && len(pgErr.Code) >= 2 {
		class = pgErr.Code[:2]
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.errors == nil {
		f.errors = make(map[string]int64)
	}
	f.errors[class]++
}

func (f *fingerprintStats) snapshot() StatementStats {
	counts := f.times.counts()
	out := StatementStats{
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

// raise makes v at least n.
func raise(v *atomic.Int64, n int64) {
	for old := v.Load(); n > old; old = v.Load() {
		if v.CompareAndSwap(old, n) {
			return
		}
	}
}

// fingerprints holds the statistics, a bounded number of them.
type fingerprints struct {
	mu    sync.Mutex
	byKey map[printKey]*fingerprintStats // guarded by mu
	other *fingerprintStats              // of all that came after the table was full
}

// A printKey is what calls are counted by: a name tells apart what two places
// of a program do with one text.
type printKey struct {
	fingerprint uint64
	name        string
}

func (p *fingerprints) init() {
	p.byKey = make(map[printKey]*fingerprintStats)
	p.other = &fingerprintStats{text: otherFingerprints}
}

// of returns the figures of text's fingerprint under a name, which may be "".
func (p *fingerprints) of(text *sqltext.Statement, name string) *fingerprintStats {
	key := printKey{text.Fingerprint, name}
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.byKey[key]
	if f == nil {
		if len(p.byKey) >= maxFingerprints {
			return p.other
		}
		key.name = strings.Clone(name) // a part of the text, which may be long
		f = &fingerprintStats{fingerprint: key.fingerprint, name: key.name, text: text.FingerprintText()}
		p.byKey[key] = f
	}
	return f
}

func (p *fingerprints) snapshot() []StatementStats {
	p.mu.Lock()
	all := make([]*fingerprintStats, 0, len(p.byKey)+1)
	for _, f := range p.byKey {
		all = append(all, f)
	}
	p.mu.Unlock()
	all = append(all, p.other)

	out := make([]StatementStats, 0, len(all))
	for _, f := range all {
		if one := f.snapshot(); one.Calls > 0 {
			out = append(out, one)
		}
	}
	slices.SortFunc(out, func(a, b StatementStats) int { return cmp.Compare(b.Total, a.Total) })
	return out
}

// shortestWait is what a wait for a connection has to last to be one: less is
// what taking a free connection costs.
const shortestWait = time.Microsecond

// waitStats measures waits for a connection.
type waitStats struct {
	total, longest atomic.Int64
	times          histogram
}

func (w *waitStats) add(d time.Duration) {
	w.times.add(d)
	if d >= shortestWait {
		w.total.Add(int64(d))
		raise(&w.longest, int64(d))
	}
}

func (w *waitStats) snapshot() Waits {
	counts := w.times.counts()
	return Waits{
		Count: int64(sum(counts)),
		Total: time.Duration(w.total.Load()),
		Max:   time.Duration(w.longest.Load()),
		P50:   quantile(counts, 0.50),
		P95:   quantile(counts, 0.95),
		P99:   quantile(counts, 0.99),
	}
}
