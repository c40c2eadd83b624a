package querycache

import (
	"encoding/binary"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/headrace/headrace/internal/profile"
	"github.com/headrace/headrace/internal/s3fifo"
	"github.com/headrace/headrace/internal/sqltext"
)

// An identity identifies the reads that an entry serves, without arguments and
// scope. Its digest is that of the statement, its form is cacheapi.Read.Form or
// a form of this package, and its space belongs to one handle or Aside.
type identity = s3fifo.ID

// An entry is one result in the cache. Its key is the encoded scope and
// arguments.
type entry = s3fifo.Entry[record, cached]

// A cached is the content of an entry.
type cached struct {
	result  any
	stamp   uint64 // the number of the last change reported before the load began
	expires int64  // on the cache's clock, in nanoseconds; never for no time
}

// never is the expiry of an entry that lives until a change invalidates it.
const never = math.MaxInt64

// formWire is the form of a result that is stored as the server sent it. The
// forms of package db begin above it.
const formWire = 0

// uint64Of returns the first half of a digest.
func uint64Of(digest [16]byte) uint64 { return binary.LittleEndian.Uint64(digest[:8]) }

func identityOf(text *sqltext.Statement, form, space uint64) identity {
	id := text.Identity
	return identity{Digest: uint64Of(id), Rest: binary.LittleEndian.Uint64(id[8:]), Form: form, Space: space}
}

// A record is the state of one identity: its policy, the dependencies of its
// entries, and the counts of its lookups.
type record struct {
	s3fifo.Group[record] // of its entries

	text     atomic.Pointer[sqltext.Statement] // nil for an Aside, and once the statement is forgotten
	aside    bool
	sent     [16]byte // identifies the text without the name
	tierName string   // in tiers
	length   int      // of the text, as given and normalized
	label    string   // identifies the statement in messages
	name     string   // for InvalidateStatements; may be ""
	policy   Policy
	refused  Reason // none, or why the policy or the text excludes it
	source   *source
	counts   counters

	tierCounts [maxTiers]tierCount

	// Entries stamped before since are invalid: the program invalidated the
	// statement, or its dependencies have changed.
	since atomic.Uint64

	keyEpochs    atomic.Pointer[keyEpochs]    // of keys in all scopes; nil until a key was invalidated
	streamUntil  atomic.Int64                 // until then rows are not recorded, because a result was too big
	dependencies atomic.Pointer[dependencies] // nil until examined
	misnamed     atomic.Pointer[misnamed]     // nil unless a name of Policy.Tables was wrong recently
	changedBy    atomic.Pointer[string]       // the statement that had changed the session of the last result refused for that
}

// A tierCount counts the reads of a record from a tier.
type tierCount struct{ hits, misses atomic.Uint64 }

// withID returns r with its identity.
func (r *record) withID(id identity) *record {
	r.ID, r.Of = id, r
	return r
}

// recorder returns the recorder of spans of the record's handle, or nil.
func (r *record) recorder() profile.Recorder {
	if r.source == nil {
		return nil
	}
	return r.source.handle.Tracker.Recorder()
}

// misnamed is a remembered error about the tables of a policy.
type misnamed struct {
	err   *namesError
	until int64 // on the cache's clock: the server is asked again then
}

const misnamedFor = time.Second

// fresh reports whether no dependency of an entry has changed since the change
// with the given number.
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

// invalidate invalidates all entries of the record. n is the number of a new
// change.
func (r *record) invalidate(n uint64) { raise(&r.since, n) }

// Programs may build any number of texts, so the records are bounded.
const (
	mostRecords  = 1 << 13
	recordsShare = 8        // all of them take at most 1/recordsShare of the budget
	longestText  = 64 << 10 // a longer text has no record and is not cached
	recordBytes  = 2 << 10  // size of a record without its text, with its dependencies
)

// records are the statements and Asides of a cache.
type records struct {
	mu      sync.Mutex
	byID    *simplelru.LRU[identity, *record] // guarded by mu
	bytes   int64                             // of the records in byID; guarded by mu
	most    int64                             // bytes
	charge  func(bytes int64)                 // called with bytes, with mu held
	pinned  []*record                         // of Asides, never removed; guarded by mu
	retired [reasons]uint64                   // counts of removed records; guarded by mu
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

// bytes returns the approximate size of the record, with the text as given and
// normalized.
func (r *record) bytes() int64 { return recordBytes + int64(r.length) }

// get returns the record of id, or nil.
func (rs *records) get(id *identity) *record {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r, _ := rs.byID.Get(*id)
	return r
}

// add adds r and returns it, or returns the record that has its identity
// already.
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

// pin adds a record that is never removed.
func (rs *records) pin(r *record) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.pinned = append(rs.pinned, r)
}

// retire adds the counts of a removed record to the retired ones and
// invalidates its entries: the next read makes another record. mu is held.
func (rs *records) retire(_ identity, r *record) {
	r.since.Store(math.MaxUint64)
	r.text.Store(nil) // invalid entries keep the record alive until they are evicted
	rs.bytes -= r.bytes()
	counts := r.counts.load()
	for i, n := range counts {
		rs.retired[i] += n
	}
}

// forget removes the statements of a source.
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

// all returns all records.
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
