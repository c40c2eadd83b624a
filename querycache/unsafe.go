package querycache

import "unsafe"

// address returns p's address as a number, to spread counters by. Nothing is
// ever read through it.
func address[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }
