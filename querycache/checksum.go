package querycache

import (
	"fmt"
	"hash/maphash"

	"github.com/headrace/headrace/internal/deepcopy"
)

// A checked is a kept value of a cache with Options.CheckShared, and its
// checksum from when it was kept.
type checked struct {
	value any
	sum   uint64
}

func check(value any) *checked { return &checked{value, checksum(value)} }

// open returns the value that is kept in e.
func (c *Cache) open(e *entry) any {
	if !c.opts.CheckShared {
		return e.Value.result
	}
	kept := e.Value.result.(*checked)
	if checksum(kept.value) != kept.sum {
		panic(fmt.Sprintf("querycache: a value of %s was changed by a caller; see Options.CheckShared", e.Of().label))
	}
	return kept.value
}

// checksum returns a number that tells v from what it is after a change of
// anything it leads to.
func checksum(v any) uint64 {
	switch v := v.(type) {
	case *wireRows:
		return checksum(v.Recording) // the types keep what they meet
	case cachedError:
		return 0
	}
	return deepcopy.Sum(checkSeed, v)
}

var checkSeed = maphash.MakeSeed()
