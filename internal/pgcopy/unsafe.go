package pgcopy

import (
	"encoding/binary"
	"reflect"
	"unsafe"
)

// All use of unsafe is in this file. What every function relies on: a pointer
// stems from addressOf and was moved by the offsets that reflect reported for
// the compiled type, so that it points at a field of the type it is read as,
// inside an object that its caller keeps alive; or from textAt or bytesAt, and was
// moved inside of that text or slice.

// A pointer is the address of a field.
type pointer = unsafe.Pointer

// addressOf returns the address of a row.
func addressOf[T any](row *T) pointer { return pointer(row) }

// sizeOf returns how many bytes lie between the rows of a slice.
func sizeOf[T any]() uintptr {
	var row T
	return unsafe.Sizeof(row)
}

// field returns the address n bytes behind p. n is the offset of a field, or
// that of a row in its slice, so the result stays inside of the object of p.
func field(p pointer, n uintptr) pointer { return unsafe.Add(p, n) }

// at reads the field at p as a V. The field's type is V, or has V as its
// underlying type, or an integer of V's size and sign.
func at[V any](p pointer) V { return *(*V)(p) }

// target returns what the pointer field at p points to, or nil.
func target(p pointer) pointer { return *(*pointer)(p) }

// A sliceHeader is how the runtime keeps a slice (reflect.SliceHeader, with a
// pointer that the garbage collector sees).
type sliceHeader struct {
	data pointer
	len  int
	cap  int
}

// slice returns the first element and the length of the slice at p, of any
// element type. data is nil for a nil slice only.
func slice(p pointer) (data pointer, n int) {
	h := (*sliceHeader)(p)
	return h.data, h.len
}

// view returns a reflect.Value of type *t that points at p.
func view(t reflect.Type, p pointer) reflect.Value { return reflect.NewAt(t, p) }

// textAt returns the address of the first byte of s, and bytesAt that of b.
func textAt(s string) pointer  { return pointer(unsafe.StringData(s)) }
func bytesAt(b []byte) pointer { return pointer(unsafe.SliceData(b)) }

// word reads the eight bytes at p, which need not be aligned.
func word(p pointer) uint64 { return binary.NativeEndian.Uint64((*[8]byte)(p)[:]) }

// setWord writes eight bytes at p.
func setWord(p pointer, v uint64) { binary.NativeEndian.PutUint64((*[8]byte)(p)[:], v) }
