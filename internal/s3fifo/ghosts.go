package s3fifo

// A ghosts holds the tags of recently evicted entries. An entry that returns
// soon after its eviction starts in the main queue.
//
// It is a table of buckets; a new ghost overwrites the oldest slot of its
// bucket. A ghost takes 5 bytes, while a third queue like the other two would
// take over 100. It may lose a ghost early when a bucket overflows, and about
// one lookup in 8,000 finds a ghost that was never added. Both affect only the
// queue of an entry, never its value.
type ghosts struct {
	slots []ghost // buckets of ghostBucket
	limit uint32  // the number of ghosts to remember
	added uint32  // the number of ghosts ever added; wraps
	shift uint    // added >> shift is the time
}

// A ghost is 16 bits of a tag and 16 bits of the time when it was added. The
// zero value is an empty slot.
type ghost struct{ print, time uint16 }

const (
	ghostBucket = 8
	fewGhosts   = 64

	// A ghost is remembered for at least this many units of time, so that the
	// unit is short compared to the whole, and at most for twice as many, so
	// that 16 bits do not wrap in that time.
	ghostTimes = 1 << 13
)

// fit makes room for about n ghosts. If the size of the table changes, all
// ghosts are removed.
func (g *ghosts) fit(n int) {
	n = max(n, fewGhosts)
	if int(g.limit) >= n*3/4 && int(g.limit) <= 2*n {
		return
	}
	g.limit = uint32(n)
	g.shift = 0
	for g.limit>>g.shift >= 2*ghostTimes {
		g.shift++
	}
	g.slots = make([]ghost, (n+n/8+ghostBucket-1)/ghostBucket*ghostBucket)
}

// add adds tag.
func (g *ghosts) add(tag uint32) {
	g.fit(int(g.limit))
	g.added++
	bucket, print := g.place(tag)
	oldest := 0
	for i, one := range bucket {
		if one.print == print || one.print == 0 {
			oldest = i
			break
		}
		if g.age(one) > g.age(bucket[oldest]) {
			oldest = i
		}
	}
	bucket[oldest] = ghost{print, g.now()}
}

// take removes tag and reports whether it was there.
func (g *ghosts) take(tag uint32) bool {
	one := g.find(tag)
	if one != nil {
		*one = ghost{}
	}
	return one != nil
}

// has reports whether tag is there.
func (g *ghosts) has(tag uint32) bool { return g.find(tag) != nil }

func (g *ghosts) find(tag uint32) *ghost {
	if len(g.slots) == 0 {
		return nil
	}
	bucket, print := g.place(tag)
	for i, one := range bucket {
		if one.print == print && uint32(g.age(one)) <= g.limit>>g.shift {
			return &bucket[i]
		}
	}
	return nil
}

// place returns the bucket of a tag, and its print, which distinguishes tags in
// the bucket.
func (g *ghosts) place(tag uint32) ([]ghost, uint16) {
	buckets := uint64(len(g.slots) / ghostBucket)
	first := uint64(tag) * buckets >> 32 * ghostBucket
	return g.slots[first : first+ghostBucket], uint16(tag) | 1
}

func (g *ghosts) now() uint16 { return uint16(g.added >> g.shift) }

// age returns the number of units of time since one was added.
func (g *ghosts) age(one ghost) uint16 { return g.now() - one.time }
