package db

import (
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/stmtstats"
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
	Times         Histogram
	Waiting       int64 // callers that wait now, for a connection or for it to be opened
}

// StatementStats holds the figures of all statements with one name and one
// fingerprint: of texts that differ only in constants and the lengths of lists.
// Beyond 2,048 of them, further statements are counted under Fingerprint 0.
type StatementStats struct {
	Fingerprint uint64
	Text        string // the fingerprint's text, constants replaced
	Summary     string // the kind and the relations, such as "SELECT cities"; many statements may share it
	Name        string // of the statement, or ""
	Calls       int64
	Rows        int64            // returned or affected
	Errors      map[string]int64 // by SQLSTATE class ("23"); "client" for errors not from the server
	Total, Max  time.Duration    // from sending to the end of the result, without Wait
	Wait        time.Duration    // for a connection, summed over all calls
	P50         time.Duration    // percentiles of the time of one call, accurate to 3.2 %
	P95, P99    time.Duration
	Times       Histogram // of the times of calls

	// Network is the part of Total that the connection spent sending and
	// receiving, which includes the time of the server; the rest is the
	// program's: encoding arguments, decoding rows, and what the program does
	// between rows. Bytes is what the connection carried meanwhile, in both
	// directions, encrypted if the connection is. Statements of a batch count in
	// neither, since their results arrive together.
	Network time.Duration
	Bytes   int64
}

// Stats returns the current figures. It takes some microseconds per statement.
// It is safe for concurrent use.
func (d *DB) Stats() Stats {
	measured := d.tracker.Statistics()
	statements := make([]StatementStats, len(measured))
	for i := range measured {
		statements[i] = statementStats(&measured[i])
	}
	return Stats{
		Pool:       d.pool.Stat(),
		Waits:      waits(d.waits.Snapshot(), d.usage.waiting.Load()),
		Statements: statements,
		LostNames:  d.tracker.LostNames(),
	}
}

func statementStats(s *stmtstats.Snapshot) StatementStats {
	return StatementStats{
		Fingerprint: s.Fingerprint, Text: s.Text, Summary: s.Summary, Name: s.Name,
		Calls: s.Calls, Rows: s.Rows, Errors: s.Errors,
		Total: s.Total, Max: s.Max, Wait: s.Wait,
		P50: s.Times.Quantile(0.50), P95: s.Times.Quantile(0.95), P99: s.Times.Quantile(0.99),
		Times: Histogram{s.Times}, Network: s.Network, Bytes: s.Bytes,
	}
}

func waits(s stmtstats.WaitSnapshot, waiting int64) Waits {
	return Waits{
		Count: s.Count, Total: s.Total, Max: s.Max,
		P50: s.Times.Quantile(0.50), P95: s.Times.Quantile(0.95), P99: s.Times.Quantile(0.99),
		Times: Histogram{s.Times}, Waiting: waiting,
	}
}
