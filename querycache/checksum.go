package querycache

import (
	"fmt"
	"hash/maphash"
	"math"
	"reflect"
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
		return e.value
	}
	kept := e.value.(*checked)
	if checksum(kept.value) != kept.sum {
		panic(fmt.Sprintf("querycache: a value of %s was changed by a caller; see Options.CheckShared", e.record.label))
	}
	return kept.value
}

// checksum returns a number that tells v from what it is after a change of
// anything it leads to.
func checksum(v any) uint64 {
	switch v := v.(type) {
	case *wireRows:
		return checksum(v.Recording) // the types keep what they meet
	case keptError:
		return 0
	}
	var h maphash.Hash
	h.SetSeed(checkSeed)
	sum(&h, reflect.ValueOf(v), sizeDeep)
	return h.Sum64()
}

var checkSeed = maphash.MakeSeed()

// sum writes v to h. Functions and channels are what they are; nothing deeper
// than deep is looked at.
func sum(h *maphash.Hash, v reflect.Value, deep int) {
	if deep == 0 {
		return
	}
	number(h, uint64(v.Kind()))
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			number(h, 1)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		number(h, uint64(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		number(h, v.Uint())
	case reflect.Float32, reflect.Float64:
		number(h, math.Float64bits(v.Float()))
	case reflect.Complex64, reflect.Complex128:
		number(h, math.Float64bits(real(v.Complex())))
		number(h, math.Float64bits(imag(v.Complex())))
	case reflect.String:
		number(h, uint64(v.Len()))
		_, _ = h.WriteString(v.String()) // never fails
	case reflect.Slice, reflect.Array:
		number(h, uint64(v.Len()))
		for i := range v.Len() {
			sum(h, v.Index(i), deep-1)
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			sum(h, field, deep-1)
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() && v.Type() != reflect.TypeFor[reflect.Type]() {
			_, _ = h.WriteString(v.Elem().Type().String())
			sum(h, v.Elem(), deep-1)
		}
	case reflect.Map:
		number(h, sumMap(v, deep))
	}
}

// sumMap returns a number for the entries of a map, in whatever order.
func sumMap(v reflect.Value, deep int) (all uint64) {
	for it := v.MapRange(); it.Next(); {
		var h maphash.Hash
		h.SetSeed(checkSeed)
		sum(&h, it.Key(), deep-1)
		sum(&h, it.Value(), deep-1)
		all += h.Sum64()
	}
	return all + uint64(v.Len())
}

func number(h *maphash.Hash, n uint64) {
	for range 8 {
		_ = h.WriteByte(byte(n)) // never fails
		n >>= 8
	}
}
