package querycache

import "time"

// Stats are the counts of a cache since New, and its current size.
type Stats struct {
	// Lookups counts lookups by outcome. Each lookup has exactly one reason, so
	// the counts add up to all lookups.
	Lookups map[Reason]uint64

	Entries  int    // stored now, with invalid ones that are not yet evicted
	Bytes    int64  // used now by entries, their bookkeeping and the statements
	Budget   int64  // bytes allowed now: MaxBytes, or less under memory pressure
	MaxBytes int64  // Options.MaxBytes
	Evicted  uint64 // entries that were evicted
	Flights  int    // loads under way

	Tiers []TierStats // of Options.Tiers, in their order
}

// TierStats are the counts of a cache's use of one further tier.
type TierStats struct {
	Name   string // of the Tier
	Hits   uint64 // reads that it served, also with an expired value (HitStale)
	Misses uint64 // reads for which it had no value, or no valid one
	Passed uint64 // reads for which it was passed over: it was down, or a raise was pending
	Errors uint64 // failed calls, and values that were damaged or of another release

	Sets         uint64 // values stored
	Raises       uint64 // calls of Raise that succeeded
	BytesRead    uint64 // of values, valid or not
	BytesWritten uint64 // of values

	Gets   uint64        // successful calls of Get
	Time   time.Duration // of all successful calls of Get
	Median time.Duration // of a call of Get
	P99    time.Duration // the 99th percentile of the calls of Get

	Down      bool   // passed over, because the last call of Get or Raise failed
	Pending   int    // names whose raise has not succeeded yet: what depends on them passes the tier over
	Behind    bool   // it may have missed raises of other processes: entries in memory are invalidated as soon as it can be reached
	LastError string // of a call or a value; "" if there was none
}

// Total returns the number of all lookups.
func (s Stats) Total() uint64 {
	var n uint64
	for _, count := range s.Lookups {
		n += count
	}
	return n
}

// Answered returns the number of lookups that were served without a load of
// their own.
func (s Stats) Answered() uint64 {
	var n uint64
	for why, count := range s.Lookups {
		if why.Answered() {
			n += count
		}
	}
	return n
}

// Stats returns the statistics of the cache. Its cost grows with the number of
// known statements.
func (c *Cache) Stats() Stats {
	u := c.store.Usage()
	return Stats{
		Lookups: byReason(c.records.totals()),
		Entries: u.Entries, Bytes: u.Bytes + u.Reserved, Evicted: u.Evicted,
		Budget: u.Budget, MaxBytes: u.MaxBytes,
		Flights: c.flights.count(),
		Tiers:   c.tierStats(),
	}
}

// tierStats returns the statistics of the tiers.
func (c *Cache) tierStats() []TierStats {
	var list []TierStats
	for _, l := range c.tiers {
		list = append(list, l.stats())
	}
	return list
}

func byReason(counts [reasons]uint64) map[Reason]uint64 {
	m := make(map[Reason]uint64)
	for i, n := range counts {
		if n > 0 {
			m[Reason(i)] = n
		}
	}
	return m
}

func (fs *flights) count() int {
	n := 0
	for i := range fs.shards {
		sh := &fs.shards[i]
		sh.mu.Lock()
		n += len(sh.byHash)
		sh.mu.Unlock()
	}
	return n
}
