package diagnose

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Findings returns what takes time that the program need not spend, in
// descending order of that time, over the last 12 windows. To find waits for
// locks, and to measure the round trip, it asks the server, on a connection of
// its own, at most once per Interval; where that fails, a finding of kind
// Incomplete says so.
func (m *Monitor) Findings(ctx context.Context) []Finding { return m.picture(ctx).findings() }

func (p *picture) findings() []Finding {
	var out []Finding
	for _, find := range []func() []Finding{
		p.poolSaturated, p.statementDominant, p.statementsRepeated, p.readsIdentical, p.resultsLarge, p.cachesIneffective, p.tiersPassedOver,
		p.processBusy, p.memoryShort, p.memoryGrowing, p.networkBound, p.lockWaits, p.connectionsLeaked, p.incomplete,
	} {
		out = append(out, find()...)
	}
	slices.SortStableFunc(out, func(a, b Finding) int { return cmp.Compare(b.Share, a.Share) })
	return out
}

// The bounds from which on findings are reported. A load is a mean number of
// callers with an operation under way.
const (
	minLoad      = 0.1
	minWaitShare = 0.1

	dominantShare = 0.5
	dominantTime  = time.Millisecond // of a call: below, the round trips are what counts
	maxFindings   = 5                // of one kind

	minIdentical      = 10 // calls
	minIdenticalShare = 0.3

	largeShare     = 0.05
	largeRows      = 5_000 // of a call, on average
	largeBytes     = 1 << 20
	unboundedRows  = 1_000
	minLookups     = 100
	lowHitRatio    = 0.5
	highRefusals   = 0.5
	slowRoundTrip  = 250 * time.Microsecond // below, it is the machine's own
	roundTripShare = 0.5
)

// poolSaturated finds callers that wait for connections while all are in use.
func (p *picture) poolSaturated() []Finding {
	waited := p.in(func(w *Window) bool { return w.waited() > 0 })
	full := p.in(func(w *Window) bool { return w.Pool.Max > 0 && w.Pool.InUse >= w.Pool.Max })
	share := part(p.wait, p.spent)
	if share < minWaitShare || p.load(p.wait) < minLoad || 2*full < waited {
		return nil
	}
	var waitP99 time.Duration
	var inUse float64
	for i := range p.windows {
		waitP99 = max(waitP99, p.windows[i].WaitP99)
		inUse += float64(p.windows[i].Pool.InUse) / float64(len(p.windows))
	}
	pool := p.windows[len(p.windows)-1].Pool
	busy := p.load(p.total)
	f := Finding{
		Kind: PoolSaturated, Share: share,
		Title: fmt.Sprintf("Callers wait for connections for %s of their time", percent(share)),
		Evidence: fmt.Sprintf("All %d connections were in use at the end of %d of %d windows. On average %.1f callers waited, and %.1f statements ran. The 99th percentile of the waits is %v.",
			pool.Max, full, len(p.windows), p.load(p.wait), busy, rounded(waitP99)),
	}
	if busy < inUse/2 {
		f.Do = "Connections are held while no statement runs on them: release them earlier, and do nothing else inside transactions and between the rows of Query."
		return []Finding{f}
	}
	f.Do = "Make the statements faster, or raise pool_max_conns if the server has CPU time to spare."
	if len(p.statements) > 0 {
		top := &p.statements[0]
		f.Do += fmt.Sprintf(" %s uses %s of the time of connections.", label(top.Name, top.Text), percent(part(top.Total, p.total)))
	}
	return []Finding{f}
}

// statementDominant finds the statement on which the server works for most of
// the time.
func (p *picture) statementDominant() []Finding {
	top, share := p.dominant()
	if top == nil || share < dominantShare {
		return nil
	}
	do := "EXPLAIN it with the arguments of a slow call (package db/advise does): look for a missing index and for rows that are read and not used. If it is repeated, cache it (package querycache)."
	if top.Text == "commit" {
		do = "Commit fewer, larger transactions: each commit waits for the disk of the server, and for its synchronous standbys."
	}
	mean := top.Total / time.Duration(top.Calls)
	return []Finding{{
		Kind: StatementDominant, Share: share, Fingerprint: top.Fingerprint, Name: top.Name, Statement: top.Text,
		Title:    fmt.Sprintf("One statement takes %s of the time", percent(share)),
		Evidence: fmt.Sprintf("%s: %d calls, %v each, 99th percentile up to %v, %.1f at a time.", label(top.Name, top.Text), top.Calls, rounded(mean), rounded(top.P99), p.load(top.Total)),
		Do:       do,
	}}
}

// dominant returns the statement that the server works on most, and its share,
// or nil if the load is low.
func (p *picture) dominant() (top *StatementWindow, share float64) {
	var most time.Duration
	for i := range p.statements {
		s := &p.statements[i]
		if at := p.serverTime(s); s.Fingerprint != 0 && at > most {
			top, most = s, at
		}
	}
	if top == nil || p.load(most) < minLoad || most/time.Duration(top.Calls) < dominantTime {
		return nil, 0
	}
	return top, part(most, p.spent)
}

// resultsLarge finds reads whose results are large.
func (p *picture) resultsLarge() []Finding {
	var out []Finding
	for i := range p.statements {
		s := &p.statements[i]
		share := part(s.Total, p.spent)
		if !isRead(s.Text) || s.Calls == 0 || share < largeShare || p.load(p.spent) < minLoad {
			continue
		}
		rows, size := s.Rows/s.Calls, s.Bytes/s.Calls
		unbounded := rows >= unboundedRows && !isBounded(s.Text)
		if rows < largeRows && size < largeBytes && !unbounded {
			continue
		}
		f := Finding{
			Kind: ResultsLarge, Share: share, Fingerprint: s.Fingerprint, Name: s.Name, Statement: s.Text,
			Title:    fmt.Sprintf("Results of %d rows", rows),
			Evidence: fmt.Sprintf("%s: %d calls, each with %d rows and %s on average, in %v.", label(s.Name, s.Text), s.Calls, rows, byteSize(float64(size)), rounded(s.Total/time.Duration(s.Calls))),
			Do:       "Read pages (Stmt.Page), select only the columns that are used, and let the server aggregate.",
		}
		if unbounded {
			f.Evidence += " It has no LIMIT."
			f.Do += " Options.MaxRows of the handle bounds what a missing LIMIT can do."
		}
		if out = append(out, f); len(out) == maxFindings {
			break
		}
	}
	return out
}

// isRead reports whether a fingerprint's text is certainly a read that locks
// nothing.
func isRead(text string) bool {
	first, _, _ := strings.Cut(strings.TrimLeft(text, "("), " ")
	switch first {
	case "select", "values", "table":
		return !strings.Contains(text, " for update") && !strings.Contains(text, " for share") && !strings.Contains(text, " for no key") && !strings.Contains(text, " for key")
	}
	return false
}

// isBounded reports whether a fingerprint's text has a LIMIT.
func isBounded(text string) bool {
	return strings.Contains(text, " limit ?") || strings.Contains(text, " fetch first ") || strings.Contains(text, " fetch next ")
}

// networkBound finds time lost to round trips.
func (p *picture) networkBound() []Finding {
	trip := p.roundTrip()
	share := part(p.roundTrips(), p.spent)
	if trip < slowRoundTrip || share < roundTripShare || p.load(p.spent) < minLoad {
		return nil
	}
	f := Finding{
		Kind: NetworkBound, Share: share,
		Title:    fmt.Sprintf("Round trips take %s of the time", percent(share)),
		Evidence: fmt.Sprintf("A round trip takes %v, and %d statements took %v each: the server itself is fast.", rounded(trip), p.trips, rounded(p.total/time.Duration(max(p.calls, 1)))),
		Do:       "Send fewer statements: Gather or a batch for several reads, one statement with = ANY($1) or a Loader for many keys, bulk writes (package batchinsert), and the cache (package querycache). Or run the program closer to the server.",
	}
	if most := slices.MaxFunc(p.statements, func(a, b StatementWindow) int { return cmp.Compare(a.Calls, b.Calls) }); most.Calls > 0 {
		f.Evidence += fmt.Sprintf(" The most frequent is %s, with %d calls.", label(most.Name, most.Text), most.Calls)
	}
	return []Finding{f}
}

// incomplete says what could not be examined.
func (p *picture) incomplete() []Finding {
	switch {
	case p.activity.err != nil:
		return []Finding{{
			Kind: Incomplete, Title: "The server could not be asked",
			Evidence: "Waits for locks and the round trip are unknown: " + describe(p.activity.err) + ".",
			Do:       "Check that the server is reachable and allows one more connection, and that the role may read pg_stat_activity and pg_locks.",
		}}
	case p.activity.hidden > 0:
		return []Finding{{
			Kind: Incomplete, Title: "Sessions of other roles are hidden",
			Evidence: fmt.Sprintf("%d sessions of other roles may be idle in a transaction, or have a long one, unseen.", p.activity.hidden),
			Do:       "GRANT pg_read_all_stats to the role of the program.",
		}}
	}
	return nil
}
