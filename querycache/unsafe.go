package querycache

import "unsafe"

// address returns p's address as a number, for spreading counters. It is never
// dereferenced.
func address[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }
