package deepcopy

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"reflect"
)

// Sum returns a checksum that changes with anything that v refers to. It
// depends on addresses and so is valid for this v only, but may visit the parts
// in any order, each once. It does not look into immutable values such as
// strings and locations of times.
func Sum(seed maphash.Seed, v any) (sum uint64) {
	c := copier{limit: math.MaxInt64, tracked: true, index: make(map[cell]int32)}
	c.scan(run{cellOf(&v), planOf(reflect.TypeFor[any](), sharing), 1})
	for i := range c.ranges {
		s := &c.ranges[i]
		sum += sumOf(seed, s.address(), s.bytes(uintptr(s.n)*s.plan.size))
	}
	for i := range c.maps {
		m := &c.maps[i]
		keys, elems := firstOf(m.keys), firstOf(m.elems)
		for j := range uintptr(m.keys.Len()) {
			key, elem := keys.add(j*m.plan.key.size), elems.add(j*m.plan.to.size)
			sum += sumOf(seed, m.was.address(), key.bytes(m.plan.key.size), elem.bytes(m.plan.to.size))
		}
	}
	return sum
}

func sumOf(seed maphash.Seed, at uintptr, parts ...[]byte) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	var address [8]byte
	binary.LittleEndian.PutUint64(address[:], uint64(at))
	_, _ = h.Write(address[:]) // never fails
	for _, part := range parts {
		_, _ = h.Write(part)
	}
	return h.Sum64()
}
