package s3fifo

// A ghosts remembers the tags of the entries that were evicted last: an entry
// that comes back soon belongs into the main queue.
//
// It is a table of buckets, each overwritten from its oldest slot on: 5 bytes a
// ghost, where a third queue of the kind of the other two would take over 100.
// It may forget one early when a bucket overflows, and takes a stranger for a
// ghost once in some 8,000 times. Either costs a place in a queue, never an
// answer.
type ghosts struct {
	slots []ghost // buckets of ghostBucket
	limit uint32  // how many are remembered
	added uint32  // how many were ever added; wraps
	shift uint    // added >> shift is the time
}

// A ghost is 16 bits of a tag and 16 bits of the time when it was added. The
// zero value is an empty slot.
type ghost struct{ print, time uint16 }

const (
	ghostBucket = 8
	fewGhosts   = 64

	// A ghost is remembered for at least this many units of time, so that the
	// unit is short beside the whole, and at most for twice as many, so that
	// 16 bits do not wrap while it stays.
	ghostTimes = 1 << 13
)

// fit makes room for about n ghosts. If the table has to change its size,
// it forgets those it has.
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

// add remembers tag.
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

// take reports whether tag is remembered, and forgets it.
func (g *ghosts) take(tag uint32) bool {
	one := g.find(tag)
	if one != nil {
		*one = ghost{}
	}
	return one != nil
}

// has reports whether tag is remembered.
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

// place returns the bucket of a tag and what tells it from others there.
func (g *ghosts) place(tag uint32) ([]ghost, uint16) {
	buckets := uint64(len(g.slots) / ghostBucket)
	first := uint64(tag) * buckets >> 32 * ghostBucket
	return g.slots[first : first+ghostBucket], uint16(tag) | 1
}

func (g *ghosts) now() uint16 { return uint16(g.added >> g.shift) }

// age returns how many units of time ago one was added.
func (g *ghosts) age(one ghost) uint16 { return g.now() - one.time }
