package querycache

// Stats are a cache's figures since New, and what it holds now.
type Stats struct {
	// Lookups has the number of reads by what became of them. Each read has
	// one reason, so they add up to all reads.
	Lookups map[Reason]uint64

	Entries  int    // kept now; some of them may be stale and are not handed out
	Bytes    int64  // what the entries cost, with what it takes to keep them and to know their statements
	Budget   int64  // the bytes allowed now: MaxBytes, less under memory pressure
	MaxBytes int64  // Options.MaxBytes
	Evicted  uint64 // entries that had to make room
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

// Answered returns the number of lookups that were answered without asking the
// server once more.
func (s Stats) Answered() uint64 {
	var n uint64
	for why, count := range s.Lookups {
		if why.Answered() {
			n += count
		}
	}
	return n
}

// Stats returns the cache's figures. It visits every statement it remembers.
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
