package argkey

import (
	"math/big"
	"reflect"
	"strings"
	"sync"
	"time"
)

// deepen replaces everything that v, an addressable shallow copy, shares with
// its original by copies, as deep as Append looks. It keeps strings, identities
// (see isIdentity), and maps, which Append rejects.
func deepen(v reflect.Value, depth int) {
	t := v.Type()
	if depth > maxDepth || isFlat(t) {
		return
	}
	switch t.Kind() {
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		c := reflect.MakeSlice(t, v.Len(), v.Len())
		reflect.Copy(c, v)
		v.Set(c)
		deepenElements(v, depth)
	case reflect.Array:
		deepenElements(v, depth)
	case reflect.Struct:
		for i := range t.NumField() {
			deepen(settable(v.Field(i)), depth+1)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			c := reflect.New(t.Elem())
			c.Elem().Set(v.Elem())
			deepen(c.Elem(), depth+1)
			v.Set(c.Convert(t))
		}
	case reflect.Interface:
		if !v.IsNil() {
			c := reflect.New(v.Elem().Type()).Elem()
			c.Set(v.Elem())
			deepen(c, depth+1)
			v.Set(c)
		}
	}
}

func deepenElements(v reflect.Value, depth int) {
	if isFlat(v.Type().Elem()) {
		return
	}
	for i := range v.Len() {
		deepen(settable(v.Index(i)), depth+1)
	}
}

// flatTypes caches, by type, whether assigning a value copies everything in it
// that can be modified.
var flatTypes sync.Map // of reflect.Type to bool

func isFlat(t reflect.Type) bool {
	if flat, ok := flatTypes.Load(t); ok {
		return flat.(bool)
	}
	flat := true
	switch t.Kind() {
	case reflect.Slice, reflect.Interface:
		flat = false
	case reflect.Pointer:
		flat = isIdentity(t)
	case reflect.Array:
		flat = isFlat(t.Elem())
	case reflect.Struct:
		for i := 0; i < t.NumField() && flat && t != timeType && !isIdentity(t); i++ {
			flat = isFlat(t.Field(i).Type)
		}
	}
	flatTypes.Store(t, flat)
	return flat
}

// isIdentity reports whether values of t stand for their target: they are
// compared or shared by pointer, and the target is never modified.
func isIdentity(t reflect.Type) bool {
	return t == reflect.TypeFor[*time.Location]() || t.PkgPath() == "unique" && strings.HasPrefix(t.Name(), "Handle[")
}

// hidesState reports whether v, a pointer or an interface in an unexported
// field, may lead to something that only its package can copy.
func hidesState(v reflect.Value, t reflect.Type) bool {
	if v.CanInterface() || v.IsNil() {
		return false
	}
	switch t {
	case reflect.TypeFor[*big.Int](), reflect.TypeFor[*big.Rat](), reflect.TypeFor[*big.Float](): // as in decimal types
		return false
	}
	return true
}
