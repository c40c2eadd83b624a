package querycache

import (
	"fmt"
	"hash/maphash"

	"github.com/headrace/headrace/internal/deepcopy"
)

// A checked is a stored value of a cache with Options.CheckShared, and the
// checksum that it had when it was stored.
type checked struct {
	value any
	sum   uint64
}

func check(value any) *checked { return &checked{value, checksum(value)} }

// open returns the value stored in e.
func (c *Cache) open(e *entry) any {
	if !c.opts.CheckShared {
		return e.Value.result
	}
	kept := e.Value.result.(*checked)
	if checksum(kept.value) != kept.sum {
		panic(fmt.Sprintf("querycache: a caller has changed a shared value of %s (Options.CheckShared)", e.Of().label))
	}
	return kept.value
}

// checksum returns a hash of v and of all memory that v points to.
func checksum(v any) uint64 {
	switch v := v.(type) {
	case *wireRows:
		return checksum(v.Recording) // without the types, which change while decoding
	case cachedError:
		return 0
	}
	return deepcopy.Sum(checkSeed, v)
}

var checkSeed = maphash.MakeSeed()
