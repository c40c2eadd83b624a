package deepcopy

import (
	"math"
	"math/bits"
	"reflect"
	"runtime/metrics"
	"slices"
	"sync"
)

// classes returns the size classes of the allocator. The runtime publishes them
// as the bounds of a histogram.
var classes = sync.OnceValue(func() []int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs-by-size:bytes"}}
	metrics.Read(sample)
	var sizes []int64
	for _, bound := range sample[0].Value.Float64Histogram().Buckets {
		if !math.IsInf(bound, 0) && bound > 1 {
			sizes = append(sizes, int64(bound)-1)
		}
	}
	return sizes
})

const (
	pageSize     = 8 << 10
	headerSize   = 8   // before an object with pointers of more than
	headerlesses = 512 // bytes (runtime/mbitmap.go)
	tinySize     = 16  // smaller ones without pointers share so many bytes
)

// Allocated returns the memory that an object of n bytes takes, as in
// runtime/malloc.go.
func Allocated(n int64, pointers bool) int64 {
	sizes := classes()
	most := sizes[len(sizes)-1] - headerSize
	switch {
	case n <= 0:
		return 0
	case n > most:
		return (n + pageSize - 1) &^ (pageSize - 1)
	case pointers && n > headerlesses:
		n += headerSize
	case !pointers && n < tinySize:
		return roundUp(n, tinySize/2) // it shares a block with others
	}
	i, _ := slices.BinarySearch(sizes, n)
	return sizes[i]
}

// The structure of maps (internal/runtime/maps): a header, and after it up to
// eight entries in one group, or tables of up to 1,024 places, of which at most
// seven eighths are used.
const (
	mapHeader   = 48
	mapGroup    = 8
	mapTable    = 32
	mapPlaces   = 1024
	longestSlot = 128 // longer keys and elements are separate objects

	// With this number of entries per table no table is likely to overflow:
	// entries are distributed by hash, so that their number has a standard
	// deviation of 28.
	mapEntries = 776
)

// tables returns the number of tables of a new map of n entries, and the places
// of each.
func tables(n int) (count, places int) {
	if n <= mapPlaces*7/8 {
		return 1, 1 << bits.Len(uint(max(n*8/7, 2*mapGroup)-1))
	}
	return 1 << bits.Len(uint((n-1)/mapEntries)), mapPlaces
}

// mapHint returns the size hint for a map that is to have that many tables.
func mapHint(n int) int {
	if n <= mapPlaces*7/8 {
		return n
	}
	count, places := tables(n)
	return count * places * 7 / 8
}

// mapSize returns the memory of a map that was made for its n entries.
func mapSize(key, elem *plan, n int) int64 {
	pointers := key.pointers || elem.pointers
	group := groupSize(key.typ, elem.typ)
	size := Allocated(mapHeader, true)
	switch {
	case n == 0:
	case n <= mapGroup:
		size += Allocated(group, pointers)
	default:
		count, places := tables(n)
		size += Allocated(int64(count)*8, true) + int64(count)*(Allocated(mapTable, true)+Allocated(group*int64(places/mapGroup), pointers))
	}
	for _, p := range []*plan{key, elem} {
		if p.size > longestSlot {
			size += int64(n) * Allocated(int64(p.size), p.pointers)
		}
	}
	return size
}

// groupSize returns the bytes of a group: a control word and eight places.
func groupSize(key, elem reflect.Type) int64 {
	keySize, keyAlign := slot(key)
	elemSize, elemAlign := slot(elem)
	if elemSize == 0 {
		elemSize = 1 // so that nothing points past the place
	}
	return 8 + mapGroup*roundUp(roundUp(keySize, elemAlign)+elemSize, max(keyAlign, elemAlign))
}

func slot(typ reflect.Type) (size, align int64) {
	if typ.Size() > longestSlot {
		return 8, 8
	}
	return int64(typ.Size()), int64(typ.Align())
}

func roundUp(n, to int64) int64 { return (n + to - 1) / to * to }
