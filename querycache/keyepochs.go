package querycache

import (
	"encoding/binary"
	"hash/maphash"
	"sync/atomic"
)

// A drops tells when single answers of a statement were dropped last, whatever
// scope they were asked for in: the keys of the scopes that there are cannot be
// listed. Keys share places, so that now and then another answer is forgotten
// as well.
type drops struct {
	seed maphash.Seed
	at   [1 << 8]atomic.Uint64 // numbers of changes
}

// place returns the place of a key, which begins with its scope.
func (d *drops) place(key string) *atomic.Uint64 {
	scope, n := binary.Uvarint([]byte(key[:min(len(key), binary.MaxVarintLen64)]))
	return d.inScope(key[n+int(scope):])
}

// inScope returns the place of a key without its scope.
func (d *drops) inScope(key string) *atomic.Uint64 {
	return &d.at[maphash.String(d.seed, key)%uint64(len(d.at))]
}

// dropKey makes the answers of a key stale in every scope. n is a new change's
// number; key has no scope.
func (r *record) dropKey(n uint64, key string) {
	d := r.drops.Load()
	for d == nil {
		r.drops.CompareAndSwap(nil, &drops{seed: maphash.MakeSeed()})
		d = r.drops.Load()
	}
	raise(d.inScope(key), n)
}

// raise sets at to n unless it is higher.
func raise(at *atomic.Uint64, n uint64) {
	for {
		now := at.Load()
		if now >= n || at.CompareAndSwap(now, n) {
			return
		}
	}
}

// current reports whether the answer of a key that has the given stamp is
// fresh and was not dropped.
func (r *record) current(stamp uint64, key string) bool {
	if !r.fresh(stamp) {
		return false
	}
	d := r.drops.Load()
	return d == nil || d.place(key).Load() <= stamp
}
