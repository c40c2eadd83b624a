package rowscan

import (
	"math/big"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"time"
)

// A copyFunc takes the cell of a value that was copied by assignment, and replaces all that it refers to by copies.
type copyFunc func(m *memory, c cell)

// A memory is where copies are made.
type memory struct {
	text     []byte // room for the bytes of all strings, where they are copied
	expected int    // values to be copied
	blocks   [reflect.UnsafePointer + 1]block
}

// An ownership tells what becomes of strings in a copy.
type ownership bool

const (
	sharingText ownership = false
	owningText  ownership = true
)

// A copierKey tells apart the functions for one type.
type copierKey struct {
	typ reflect.Type
	own ownership
}

var copiers sync.Map // copierKey to copyFunc, nil where an assignment copies all

// copierOf returns the function that finishes a copy of a typ, or nil where there is nothing to finish. Functions for
// slices, pointers and maps look for those of what they refer to when first used: a type may contain itself.
func copierOf(typ reflect.Type, own ownership) copyFunc {
	key := copierKey{typ, own}
	if found, ok := copiers.Load(key); ok {
		return found.(copyFunc)
	}
	f := makeCopier(typ, own)
	copiers.Store(key, f)
	return f
}

func makeCopier(typ reflect.Type, own ownership) copyFunc {
	switch typ.Kind() {
	case reflect.String:
		if own {
			return copyText
		}
	case reflect.Slice:
		return sliceCopier(typ, own)
	case reflect.Array:
		return arrayCopier(typ, own)
	case reflect.Struct:
		return structCopier(typ, own)
	case reflect.Pointer:
		return pointerCopier(typ, own)
	case reflect.Interface:
		return interfaceCopier(typ, own)
	case reflect.Map:
		return mapCopier(typ, own)
	}
	return nil
}

// copyText copies a string's bytes to the end of the memory for text, which has the capacity for all.
func copyText(m *memory, c cell) {
	s := at[string](c)
	start := len(m.text)
	m.text = append(m.text, *s...)
	*s = stringOf(m.text[start:])
}

func sliceCopier(typ reflect.Type, own ownership) copyFunc {
	elements := sync.OnceValue(func() copyFunc { return copierOf(typ.Elem(), own) })
	size := typ.Elem().Size()
	return func(m *memory, c cell) {
		v := c.value(typ)
		if v.IsNil() {
			return
		}
		n := v.Len()
		fresh := reflect.MakeSlice(typ, n, n)
		reflect.Copy(fresh, v)
		v.Set(fresh)
		if element := elements(); element != nil {
			for i := range n {
				element(m, c.addElement(uintptr(i)*size))
			}
		}
	}
}

func arrayCopier(typ reflect.Type, own ownership) copyFunc {
	element, size := copierOf(typ.Elem(), own), typ.Elem().Size()
	if element == nil {
		return nil
	}
	return func(m *memory, c cell) {
		for i := range typ.Len() {
			element(m, c.add(uintptr(i)*size))
		}
	}
}

// isShared reports whether copies share what a field refers to: a pointer or interface that is not exported may be one
// that its package compares by identity (unique.Handle) or shares (time.Location).
func isShared(f reflect.StructField) bool {
	switch f.Type.Kind() {
	case reflect.Pointer:
		return !f.IsExported() && !isNumber(f.Type)
	case reflect.Interface, reflect.UnsafePointer:
		return !f.IsExported()
	}
	return false
}

// isNumber reports whether typ points to a number of math/big, as decimals do in fields that are not exported.
func isNumber(typ reflect.Type) bool {
	switch typ {
	case reflect.TypeFor[*big.Int](), reflect.TypeFor[*big.Rat](), reflect.TypeFor[*big.Float]():
		return true
	}
	return false
}

// isImmutable reports whether nobody changes what a typ refers to, so that copies may share it.
func isImmutable(typ reflect.Type) bool {
	switch typ {
	case reflect.TypeFor[time.Time](), reflect.TypeFor[*time.Location](), reflect.TypeFor[*regexp.Regexp](), reflect.TypeFor[reflect.Type]():
		return true
	}
	return typ.PkgPath() == "unique" && strings.HasPrefix(typ.Name(), "Handle[")
}

// sharing returns the path to a field of typ whose content all copies of a value share though someone may change it, ""
// where there is none. What interfaces hold is not known by their type and not looked into.
func sharing(typ reflect.Type, seen map[reflect.Type]bool) string {
	if seen[typ] || isImmutable(typ) || isNumber(typ) {
		return ""
	}
	seen[typ] = true
	switch typ.Kind() {
	case reflect.Slice, reflect.Array, reflect.Pointer:
		return sharing(typ.Elem(), seen)
	case reflect.Map:
		if path := sharing(typ.Key(), seen); path != "" {
			return path
		}
		return sharing(typ.Elem(), seen)
	case reflect.Struct:
		for f := range typ.Fields() {
			if isShared(f) && !isImmutable(f.Type) {
				return typ.String() + "." + f.Name
			}
			if path := sharing(f.Type, seen); path != "" {
				return path
			}
		}
	}
	return ""
}

func structCopier(typ reflect.Type, own ownership) copyFunc {
	type part struct {
		offset uintptr
		copy   copyFunc
	}
	var parts []part
	for f := range typ.Fields() {
		if isShared(f) {
			continue
		}
		if copy := copierOf(f.Type, own); copy != nil {
			parts = append(parts, part{f.Offset, copy})
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return func(m *memory, c cell) {
		for _, p := range parts {
			p.copy(m, c.add(p.offset))
		}
	}
}

// pointerCopier copies what a pointer points to; for small types without methods many at a time.
func pointerCopier(typ reflect.Type, own ownership) copyFunc {
	to := typ.Elem()
	if typ == reflect.TypeFor[*time.Location]() {
		return nil // compared by identity
	}
	targets := sync.OnceValue(func() copyFunc { return copierOf(to, own) })
	alloc, small := allocators[to.Kind()]
	return func(m *memory, c cell) {
		v := c.value(typ)
		if v.IsNil() {
			return
		}
		var fresh cell
		if small {
			fresh = m.blocks[to.Kind()].next(&alloc, m.expected)
		} else {
			fresh = newCell(to)
		}
		fresh.value(to).Set(v.Elem())
		if target := targets(); target != nil {
			target(m, fresh)
		}
		c.point(fresh)
	}
}

// interfaceCopier copies the value in an interface, whose type is known only then.
func interfaceCopier(typ reflect.Type, own ownership) copyFunc {
	return func(m *memory, c cell) {
		if v := c.value(typ); !v.IsNil() {
			v.Set(copied(m, v.Elem(), own))
		}
	}
}

func mapCopier(typ reflect.Type, own ownership) copyFunc {
	return func(m *memory, c cell) {
		v := c.value(typ)
		if v.IsNil() {
			return
		}
		fresh := reflect.MakeMapWithSize(typ, v.Len())
		for entries := v.MapRange(); entries.Next(); {
			fresh.SetMapIndex(copied(m, entries.Key(), own), copied(m, entries.Value(), own))
		}
		v.Set(fresh)
	}
}

// copied returns a copy of v, which need not be addressable.
func copied(m *memory, v reflect.Value, own ownership) reflect.Value {
	copy := copierOf(v.Type(), own)
	if copy == nil {
		return v
	}
	fresh := newCell(v.Type())
	value := fresh.value(v.Type())
	value.Set(v)
	copy(m, fresh)
	return value
}

// allocators make many values of a kind at once.
var allocators = map[reflect.Kind]conversion{
	reflect.Bool:    allocator[bool](),
	reflect.Int:     allocator[int](),
	reflect.Int8:    allocator[int8](),
	reflect.Int16:   allocator[int16](),
	reflect.Int32:   allocator[int32](),
	reflect.Int64:   allocator[int64](),
	reflect.Uint:    allocator[uint](),
	reflect.Uint8:   allocator[uint8](),
	reflect.Uint16:  allocator[uint16](),
	reflect.Uint32:  allocator[uint32](),
	reflect.Uint64:  allocator[uint64](),
	reflect.Float32: allocator[float32](),
	reflect.Float64: allocator[float64](),
	reflect.String:  allocator[string](),
}

func allocator[F any]() conversion {
	return conversion{alloc: newArray[F], size: reflect.TypeFor[F]().Size()}
}
