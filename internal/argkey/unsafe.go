package argkey

import (
	"reflect"
	"unsafe"
)

// hide returns arg without the compiler knowing that it does, so that passing it
// to package reflect does not make every caller's box escape.
//
// Invariant: what hide returns, and pointers taken from it, are dead when the
// function that called hide returns; only copies of the value leave it. The
// value's own content may leave: leakContent has told the compiler of it.
//
// The words are plain numbers between the two conversions. The box may be on the
// stack, so nothing may move the stack meanwhile: there is no call in between
// (nocheckptr keeps the race build from inserting one), and stacks do not shrink
// at asynchronous preemption.
//
//go:nosplit
//go:nocheckptr
func hide(arg any) any {
	words := *(*[2]uintptr)(unsafe.Pointer(&arg))
	return *(*any)(unsafe.Pointer(&words))
}

// The three below see through unexported fields, from which package reflect does
// not copy. They read and write whole values of the types they are told.

// targetOf returns what the pointer v points at. Invariant: v is not nil.
func targetOf(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type().Elem(), v.UnsafePointer()).Elem()
}

// mapOf returns the map whose pointer is at word. Invariant: it is a map of type
// t, and word, which stays on its function's stack as hide has it, outlives the
// use of the value. (On the heap it would not follow a map on a stack that moves.)
//
//go:nosplit
//go:nocheckptr
func mapOf(word *unsafe.Pointer, t reflect.Type) reflect.Value {
	p := [1]uintptr{uintptr(unsafe.Pointer(word))}
	hidden := *(*unsafe.Pointer)(unsafe.Pointer(&p))
	return reflect.NewAt(t, hidden).Elem()
}

// wordOf returns the only word of what c points at, as a t. Invariant: *c is
// pointer-shaped and that pointer is a t.
func wordOf(c reflect.Value, t reflect.Type) reflect.Value {
	return reflect.NewAt(t, c.UnsafePointer()).Elem()
}

// leakContent makes the compiler treat what arg's box points at as escaping
// (one level below the box itself): hide keeps it from seeing so.
func leakContent(arg any) {
	if s, ok := arg.(string); ok && never {
		contentSink = s
	}
}

var (
	never       bool   // always false, which the compiler does not know
	contentSink string //nolint:unused // written for the compiler's eyes
)

// settable returns v without the mark of a field that is not exported. Invariant:
// v is addressable, and part of a copy that nobody else has yet.
func settable(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
}
