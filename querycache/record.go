package querycache

import (
	"encoding/binary"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/headrace/headrace/internal/s3fifo"
	"github.com/headrace/headrace/internal/sqltext"
)

// An identity tells which reads an entry answers, arguments and scope aside. Its
// digest is that of the statement, its form is cacheapi.Read.Form or a form of this
// package, and its space is that of the handle, or the Aside, of the reads.
type identity = s3fifo.ID

// An entry is one result in the cache. Its key is the encoded scope and
// arguments.
type entry = s3fifo.Entry[record, cached]

// A cached is what an entry holds.
type cached struct {
	result  any
	stamp   uint64 // the number of the last change that was told before the load began
	expires int64  // on the cache's clock, in nanoseconds; never for no time
}

// never is the expiry of an entry that lives until a change drops it.
const never = math.MaxInt64

// formWire is the form of an answer that is kept as the server sent it. The
// forms of package db begin above it.
const formWire = 0

// uint64Of returns the first half of a digest.
func uint64Of(digest [16]byte) uint64 { return binary.LittleEndian.Uint64(digest[:8]) }

func identityOf(text *sqltext.Statement, form, space uint64) identity {
	id := text.Identity
	return identity{Digest: uint64Of(id), Rest: binary.LittleEndian.Uint64(id[8:]), Form: form, Space: space}
}

// A record is what the cache knows of one identity: what may be done with its
// answers, what they depend on, and what became of the lookups.
type record struct {
	s3fifo.Group[record] // of its entries

	text    atomic.Pointer[sqltext.Statement] // nil for an Aside, and once the statement is forgotten
	aside   bool
	sent    [16]byte // identifies the text, whatever the name
	length  int      // of the text, as given and normalized
	label   string   // how messages call it
	name    string   // by which a program may drop it; may be ""
	policy  Policy
	refused Reason // none, or why the program or the text rules it out
	source  *source
	counts  counters

	// Entries stamped before since are void: the statement was dropped, or
	// what it depends on was learned anew.
	since atomic.Uint64

	keyEpochs    atomic.Pointer[keyEpochs]    // of single answers in all scopes; nil until there is one
	streamUntil  atomic.Int64                 // until when rows are not recorded, since they were too big
	dependencies atomic.Pointer[dependencies] // nil until learned
	misnamed     atomic.Pointer[misnamed]     // nil unless a name of Policy.Tables was wrong of late
	changedBy    atomic.Pointer[string]       // what had changed the session of the last answer that was not kept for that
}

// withID returns r with its identity.
func (r *record) withID(id identity) *record {
	r.ID, r.Of = id, r
	return r
}

// misnamed is how the server answered of a policy's tables, and until when on
// the cache's clock it is not asked again.
type misnamed struct {
	err   *namesError
	until int64
}

const misnamedFor = time.Second

// fresh reports whether nothing that an answer depends on has changed since
// the change of the given number.
func (r *record) fresh(stamp uint64) bool {
	if stamp < r.since.Load() {
		return false
	}
	n := r.dependencies.Load()
	if n == nil {
		return false // an Aside whose database could not be asked yet
	}
	for _, t := range n.tables {
		if t.changed.Load() > stamp {
			return false
		}
	}
	return true
}

// invalidate makes all entries of the record void. n is a new change's number.
func (r *record) invalidate(n uint64) { raise(&r.since, n) }

// Programs may build texts without end, so what is remembered of statements is
// bounded.
const (
	mostRecords  = 1 << 13
	recordsShare = 8        // all of them take at most 1/recordsShare of the budget
	longestText  = 64 << 10 // a longer text is not remembered, and not cached
	recordBytes  = 2 << 10  // what a record takes beside its text, its needs included
)

// records remembers the statements of a cache.
type records struct {
	mu      sync.Mutex
	byID    *simplelru.LRU[identity, *record] // guarded by mu
	bytes   int64                             // that those take; guarded by mu
	most    int64                             // bytes
	charge  func(bytes int64)                 // told of bytes, with mu held
	pinned  []*record                         // of Asides, never forgotten; guarded by mu
	retired [reasons]uint64                   // counts of those forgotten; guarded by mu
}

func newRecords(most int64, charge func(bytes int64)) *records {
	rs := &records{most: most, charge: charge}
	var err error
	rs.byID, err = simplelru.NewLRU(mostRecords, rs.retire)
	if err != nil {
		panic(err) // for a size that is not positive only
	}
	return rs
}

// bytes returns about what the record takes: the text as given and normalized,
// and what was found in it.
func (r *record) bytes() int64 { return recordBytes + int64(r.length) }

// get returns the record of id, or nil.
func (rs *records) get(id *identity) *record {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r, _ := rs.byID.Get(*id)
	return r
}

// add adds r, and returns it or what was added under its identity before.
func (rs *records) add(r *record) *record {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if before, ok := rs.byID.Get(r.ID); ok {
		return before
	}
	rs.byID.Add(r.ID, r)
	rs.bytes += r.bytes()
	for rs.bytes > rs.most && rs.byID.Len() > 1 {
		rs.byID.RemoveOldest()
	}
	rs.charge(rs.bytes)
	return r
}

// pin adds a record that is never forgotten.
func (rs *records) pin(r *record) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.pinned = append(rs.pinned, r)
}

// retire keeps the counts of a record that is forgotten. Its entries are void:
// the next read makes another record. mu is held.
func (rs *records) retire(_ identity, r *record) {
	r.since.Store(math.MaxUint64)
	r.text.Store(nil) // entries that are void keep the record alive, until they are evicted
	rs.bytes -= r.bytes()
	counts := r.counts.load()
	for i, n := range counts {
		rs.retired[i] += n
	}
}

// forget forgets the statements of a source.
func (rs *records) forget(s *source) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, r := range rs.byID.Values() {
		if r.source == s {
			rs.byID.Remove(r.ID)
		}
	}
	rs.charge(rs.bytes)
}

// all returns the records there are.
func (rs *records) all() []*record {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return append(rs.byID.Values(), rs.pinned...)
}

// totals returns the counts of all lookups.
func (rs *records) totals() [reasons]uint64 {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	sum := rs.retired
	for _, r := range append(rs.byID.Values(), rs.pinned...) {
		counts := r.counts.load()
		for i, n := range counts {
			sum[i] += n
		}
	}
	return sum
}
