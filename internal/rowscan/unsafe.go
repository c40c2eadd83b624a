package rowscan

import (
	"reflect"
	"unsafe"
)

// This is the only file of the package that imports unsafe. The alternative
// without unsafe is pgx's scan plans, to which any column can be left (leave,
// run.scan): TestOracle and FuzzDecode verify that the decoders return the same
// results.

// A cell is the address of a Go value: a row, a field of it, or the target of a
// pointer field.
//
// Invariant: p points into memory that the Go allocator returned for a value of
// the cell's type (Decoder: T; column: typ), so that the garbage collector
// knows its pointers, and it is used only as that type or as a type with the
// same underlying type.
type cell struct{ p unsafe.Pointer }

// cellOf returns the cell of *v.
func cellOf[T any](v *T) cell { return cell{unsafe.Pointer(v)} }

// newCell returns the cell of a new zero value of typ.
func newCell(typ reflect.Type) cell { return cell{reflect.New(typ).UnsafePointer()} }

// newArray returns the cell of the first of n new zero values, which may be
// used for any type that has F as its underlying type.
func newArray[F any](n int) cell { return cell{unsafe.Pointer(unsafe.SliceData(make([]F, n)))} }

// at returns the cell as a *F. Invariant: the cell's type and F have the same
// underlying type; plan.go chooses decoders by exactly that.
func at[F any](c cell) *F { return (*F)(c.p) }

// add returns the cell of the field at offset. Invariant: offset was taken from
// reflect for a field of the cell's type, or is a multiple of the element size
// within an array that the cell starts.
func (c cell) add(offset uintptr) cell { return cell{unsafe.Add(c.p, offset)} }

// point makes the cell, a pointer, point to target. Invariant: the cell's type
// is a pointer to target's type. The store is one of an unsafe.Pointer, so the
// compiler emits the write barrier.
func (c cell) point(target cell) { *(*unsafe.Pointer)(c.p) = target.p }

// slice sets the cell, a slice, to the n values that start at first. Invariant:
// first is from newArray(n) of the slice's element type. Slices of all element
// types have one layout; storing a slice of bytes emits the write barrier.
func (c cell) slice(first cell, n int) { *(*[]byte)(c.p) = unsafe.Slice((*byte)(first.p), n) }

// pointer returns the cell as an interface value of sample's dynamic type, as
// reflect.NewAt(typ, p).Interface() would without its lookup of the pointer's
// type.
//
// Invariant: sample holds a *F where the cell's type is F. Pointers are stored
// in the data word of an interface directly, so replacing that word replaces
// the pointer; TestCellPointer checks this of the running compiler.
func (c cell) pointer(sample any) any {
	words := (*[2]unsafe.Pointer)(unsafe.Pointer(&sample))
	words[1] = c.p
	return sample
}

// stringOf returns b as a string without copying. Invariant: b is never written
// again; the slab uses each of its bytes once.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
