package deepcopy

import (
	"reflect"
	"time"
	"unsafe"
)

// This is the only file of the package that imports unsafe.

// A cell is the address of a Go value.
//
// Invariant: p points to a value of the cell's type (that of a run's or a
// range's plan), and is used as that type, or as a part of it at an offset from
// package reflect.
type cell struct{ p unsafe.Pointer }

func cellOf[T any](v *T) cell { return cell{unsafe.Pointer(v)} }

// newArray returns the cell of the first of n new values of typ.
func newArray(typ reflect.Type, n int) cell {
	return cell{reflect.MakeSlice(reflect.SliceOf(typ), n, n).UnsafePointer()}
}

// at returns the cell as a *F. Invariant: the cell's type has the layout of F.
func at[F any](c cell) *F { return (*F)(c.p) }

func (c cell) add(offset uintptr) cell { return cell{unsafe.Add(c.p, offset)} }

func (c cell) isNil() bool { return c.p == nil }

// address returns the address of the cell, which is never dereferenced.
func (c cell) address() uintptr { return uintptr(c.p) }

// value returns the cell as a settable value. Invariant: typ is its type.
func (c cell) value(typ reflect.Type) reflect.Value { return reflect.NewAt(typ, c.p).Elem() }

// array returns the n values that start at the cell as a slice.
func (c cell) array(typ reflect.Type, n int) reflect.Value { return reflect.SliceAt(typ, c.p, n) }

// bytes returns the memory of the cell. Invariant: its type has n bytes; the
// result is only read, or written if the type has no pointers.
func (c cell) bytes(n uintptr) []byte { return unsafe.Slice((*byte)(c.p), n) }

// pointee returns the target of the pointer or map in c.
func (c cell) pointee() cell { return cell{*(*unsafe.Pointer)(c.p)} }

// point sets the pointer or map in c to the cell to.
func (c cell) point(to cell) { *(*unsafe.Pointer)(c.p) = to.p }

// elements returns the first element of the slice in c and its length. Slices
// of all types have one layout.
func (c cell) elements() (cell, int) {
	s := *(*[]byte)(c.p)
	return cell{unsafe.Pointer(unsafe.SliceData(s))}, len(s)
}

// slice sets the slice in c to the n values from first on, without spare
// capacity.
func (c cell) slice(first cell, n int) { *(*[]byte)(c.p) = unsafe.Slice((*byte)(first.p), n) }

// data returns the second word of the interface in c: a pointer to the value,
// or, for types that are a single pointer, the value itself.
func (c cell) data() cell { return c.add(unsafe.Sizeof(uintptr(0))) }

// isDirect reports whether interfaces hold a typ in their second word. The zero
// value of such a type is a nil pointer; interfaces hold other types by
// pointer.
func isDirect(typ reflect.Type) bool {
	zero := reflect.Zero(typ).Interface()
	return cellOf(&zero).data().pointee().isNil()
}

// stringOf returns b as a string. Invariant: b is never written again.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// textOf returns the address of the bytes of s.
func textOf(s string) cell { return cell{unsafe.Pointer(unsafe.StringData(s))} }

// nothing is the address of values without size.
var nothing = cellOf(new(struct{}))

func atString(c cell) *string { return at[string](c) }

func atTime(c cell) *time.Time { return at[time.Time](c) }

func atLocation(c cell) **time.Location { return at[*time.Location](c) }

// firstOf returns the first element of a slice.
func firstOf(v reflect.Value) cell { return cell{v.UnsafePointer()} }

// firstCell returns the cell of the first element of a slice.
func firstCell[T any](v []T) cell { return cell{unsafe.Pointer(unsafe.SliceData(v))} }
