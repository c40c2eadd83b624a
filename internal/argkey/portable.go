package argkey

import (
	"reflect"
	"sync"
)

// AppendPortable appends to dst what the key of args by [Append] lacks for use
// in several processes: the fields of the struct types, which another release
// of a program may have in another order. It reports false if an argument has a
// type whose key is an address, or may contain one.
func AppendPortable(dst []byte, args []any) ([]byte, bool) {
	for _, arg := range args {
		if arg == nil {
			continue
		}
		p := portableOf(reflect.TypeOf(arg))
		if !p.ok {
			return dst, false
		}
		dst = append(dst, p.fields...)
	}
	return dst, true
}

// A portability describes a type for AppendPortable.
type portability struct {
	fields string // of the structs in it, with their types
	ok     bool
}

// portabilities caches them by type. It grows with the types of the program.
var portabilities sync.Map

func portableOf(t reflect.Type) portability {
	if p, ok := portabilities.Load(t); ok {
		return p.(portability)
	}
	var p portability
	p.ok = p.visit(t, make(map[reflect.Type]bool))
	portabilities.Store(t, p)
	return p
}

// visit adds the structs in t, and reports whether their keys are portable.
func (p *portability) visit(t reflect.Type, seen map[reflect.Type]bool) bool {
	switch {
	case t == timeType || seen[t]:
		return true
	case isIdentity(t):
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface: // may hold any type
		return false
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return p.visit(t.Elem(), seen)
	case reflect.Struct:
		for f := range t.Fields() {
			p.fields += f.Name + " " + f.Type.String() + ";"
			if !p.visit(f.Type, seen) {
				return false
			}
		}
	}
	return true
}
