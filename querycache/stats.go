package querycache

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
	}
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
