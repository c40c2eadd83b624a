package db

import (
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Stats holds what a handle has measured since it was opened.
type Stats struct {
	Pool       *pgxpool.Stat    // the pool's own statistics
	Waits      Waits            // how long callers waited for a connection
	Statements []StatementStats // by fingerprint, in descending order of total time

	// LostNames counts statements and batches that failed because a pooler did
	// not know a prepared name, or knew it already (26000, 42P05). Outside of
	// transactions they were retried, except batches of the caller, whose
	// results it may have read.
	LostNames int64
}

// Waits measures how long callers of the handle waited for a connection,
// including failed acquisitions and the time to open a connection. Less than a
// microsecond counts as no time. Callers of Pool are not included.
type Waits struct {
	Count         int64
	Total, Max    time.Duration
	P50, P95, P99 time.Duration // accurate to 3.2 %
}

// StatementStats holds the figures of all statements with one name and one
// fingerprint: of texts that differ only in constants and the lengths of lists.
// Beyond 2,048 of them, further statements are counted under Fingerprint 0.
//
// Bytes are not counted: the hooks of pgx do not report them. Counting them
// would need a wrapper around the network connection, invisible to programs
// that inspect it, and could not attribute data that was read ahead.
type StatementStats struct {
	Fingerprint uint64
	Text        string // the fingerprint's text, constants replaced
	Name        string // of the statement, or ""
	Calls       int64
	Rows        int64            // returned or affected
	Errors      map[string]int64 // by SQLSTATE class ("23"); "client" for errors not from the server
	Total, Max  time.Duration    // from sending to the end of the result, without Wait
	Wait        time.Duration    // for a connection, summed over all calls
	P50         time.Duration    // percentiles of the time of one call, accurate to 3.2 %
	P95, P99    time.Duration
}

// Stats returns the current figures. It takes some microseconds per statement.
// It is safe for concurrent use.
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
