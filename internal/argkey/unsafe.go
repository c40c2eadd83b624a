package argkey

import (
	"reflect"
	"unsafe"
)

// hide returns arg without the compiler noticing, so that passing it to package
// reflect does not make every caller's box escape.
//
// Invariant: the result of hide, and pointers taken from it, are dead when the
// function that called hide returns; only copies of the value leave it. The
// content of the value may leave: leakContent makes it escape.
//
// The words are plain numbers between the two conversions. The box may be on
// the stack, so nothing may move the stack in between: there is no call
// (nocheckptr keeps the race build from inserting one), and stacks do not
// shrink at asynchronous preemption.
//
//go:nosplit
//go:nocheckptr
func hide(arg any) any {
	words := *(*[2]uintptr)(unsafe.Pointer(&arg))
	return *(*any)(unsafe.Pointer(&words))
}

// The three functions below access unexported fields, which package reflect
// does not copy. They read and write whole values of the given types.

// targetOf returns the target of the pointer v. Invariant: v is not nil.
func targetOf(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type().Elem(), v.UnsafePointer()).Elem()
}

// mapOf returns the map whose pointer is at word. Invariant: it is a map of
// type t, and word, which like the result of hide stays on its function's
// stack, outlives the use of the value. (On the heap it would not follow a map
// on a stack that moves.)
//
//go:nosplit
//go:nocheckptr
func mapOf(word *unsafe.Pointer, t reflect.Type) reflect.Value {
	p := [1]uintptr{uintptr(unsafe.Pointer(word))}
	hidden := *(*unsafe.Pointer)(unsafe.Pointer(&p))
	return reflect.NewAt(t, hidden).Elem()
}

// wordOf returns the only word of the target of c, as a t. Invariant: *c is
// pointer-shaped and that pointer is a t.
func wordOf(c reflect.Value, t reflect.Type) reflect.Value {
	return reflect.NewAt(t, c.UnsafePointer()).Elem()
}

// leakContent makes the compiler treat the target of arg's box as escaping (one
// level below the box itself), which hide conceals.
func leakContent(arg any) {
	if s, ok := arg.(string); ok && never {
		contentSink = s
	}
}

var (
	never       bool   // always false, unknown to the compiler
	contentSink string //nolint:unused // written only so that the compiler sees an escape
)

// settable returns v without the mark of an unexported field. Invariant: v is
// addressable, and part of a copy that is not shared yet.
func settable(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
}
