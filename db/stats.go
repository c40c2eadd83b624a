package db

import (
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
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
	measured := d.tracker.Statistics()
	statements := make([]StatementStats, len(measured))
	for i, one := range measured {
		statements[i] = StatementStats(one)
	}
	return Stats{
		Pool:       d.pool.Stat(),
		Waits:      Waits(d.waits.Snapshot()),
		Statements: statements,
		LostNames:  d.tracker.LostNames(),
	}
}
