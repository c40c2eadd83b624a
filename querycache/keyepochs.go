package querycache

import (
	"encoding/binary"
	"hash/maphash"
	"sync/atomic"
)

// keyEpochs holds the numbers of the last invalidations of single keys of a
// statement in all scopes, because the scopes of a key cannot be listed. Keys
// share slots, so an invalidation occasionally affects another key.
type keyEpochs struct {
	seed maphash.Seed
	at   [1 << 8]atomic.Uint64 // numbers of changes
}

// place returns the slot of a key that begins with its scope.
func (k *keyEpochs) place(key string) *atomic.Uint64 {
	scope, n := binary.Uvarint([]byte(key[:min(len(key), binary.MaxVarintLen64)]))
	return k.inScope(key[n+int(scope):])
}

// inScope returns the slot of a key without its scope.
func (k *keyEpochs) inScope(key string) *atomic.Uint64 {
	return &k.at[maphash.String(k.seed, key)%uint64(len(k.at))]
}

// invalidateKey invalidates the entries of a key in every scope. n is a new
// change's number; key has no scope.
func (r *record) invalidateKey(n uint64, key string) {
	k := r.keyEpochs.Load()
	for k == nil {
		r.keyEpochs.CompareAndSwap(nil, &keyEpochs{seed: maphash.MakeSeed()})
		k = r.keyEpochs.Load()
	}
	raise(k.inScope(key), n)
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

// current reports whether the entry of a key that has the given stamp is fresh
// and was not invalidated.
func (r *record) current(stamp uint64, key string) bool {
	if !r.fresh(stamp) {
		return false
	}
	k := r.keyEpochs.Load()
	return k == nil || k.place(key).Load() <= stamp
}
