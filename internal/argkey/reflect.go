package argkey

import (
	"database/sql/driver"
	"encoding/binary"
	"io"
	"math"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxDepth bounds the walk through nested values, which may be cyclic.
const maxDepth = 8

var (
	timeType     = reflect.TypeFor[time.Time]()
	valuerType   = reflect.TypeFor[driver.Valuer]()
	rewriterType = reflect.TypeFor[pgx.QueryRewriter]()
	readerType   = reflect.TypeFor[io.Reader]()
)

// appendReflected appends an argument of a type without a case of its own: a
// type of the program, or a composite one.
func appendReflected(dst []byte, arg any, depth int) ([]byte, bool) {
	leakContent(arg)
	v := reflect.ValueOf(hide(arg))
	if t := v.Type(); t.NumMethod() > 0 && (t.Implements(rewriterType) || t.Implements(readerType)) {
		return dst, false
	}
	return appendValue(append(dst, tagReflected), v, depth)
}

// appendValue appends the type and the content of v.
func appendValue(dst []byte, v reflect.Value, depth int) ([]byte, bool) {
	if depth > maxDepth {
		return dst, false
	}
	t := v.Type()
	dst = appendType(dst, t)
	dst, ok := appendContent(dst, v, t, depth)
	if !ok || t.NumMethod() == 0 || t == timeType || !t.Implements(valuerType) {
		return dst, ok
	}
	return appendValuer(dst, v, depth)
}

// appendType appends an encoding that distinguishes v's type from any other
// with the same content.
func appendType(dst []byte, t reflect.Type) []byte {
	if name := t.Name(); name != "" {
		return appendString(appendString(dst, t.PkgPath()), distinctName(t, name))
	}
	return appendString(append(dst, 0), t.String())
}

// appendContent appends the content of v, whose type is encoded before.
func appendContent(dst []byte, v reflect.Value, t reflect.Type, depth int) ([]byte, bool) {
	switch t.Kind() {
	case reflect.Bool:
		return appendBool(dst, v.Bool()), true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return appendWord(dst, uint64(v.Int())), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return appendWord(dst, v.Uint()), true
	case reflect.Float32, reflect.Float64:
		return appendWord(dst, math.Float64bits(v.Float())), true
	case reflect.String:
		return appendString(dst, v.String()), true
	case reflect.Slice:
		if v.IsNil() {
			return append(dst, tagNilSlice), true
		}
		return appendElements(append(dst, tagSlice), v, depth)
	case reflect.Array:
		return appendElements(dst, v, depth)
	case reflect.Struct:
		return appendStruct(dst, v, t, depth)
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return append(dst, tagNil), true
		}
		switch {
		case isIdentity(t):
			return appendWord(append(dst, tagPointer), uint64(v.Pointer())), true
		case hidesState(v, t):
			return dst, false
		}
		return appendValue(append(dst, tagPointer), v.Elem(), depth+1)
	}
	return dst, false // maps have no order, channels and functions no value
}

// appendElements appends the elements of a slice or an array. It omits the type
// of elements if it is the same for all of them.
func appendElements(dst []byte, v reflect.Value, depth int) ([]byte, bool) {
	n := v.Len()
	dst = binary.AppendUvarint(dst, uint64(n))
	elem := v.Type().Elem()
	if elem.Kind() == reflect.Uint8 && elem.NumMethod() == 0 && (v.Kind() == reflect.Slice || v.CanAddr()) {
		return append(dst, v.Bytes()...), true
	}
	ok := true
	for i := 0; i < n && ok; i++ {
		dst, ok = appendValue(dst, v.Index(i), depth+1)
	}
	return dst, ok
}

func appendStruct(dst []byte, v reflect.Value, t reflect.Type, depth int) ([]byte, bool) {
	if t == timeType && v.CanInterface() {
		return appendTime(dst, v.Interface().(time.Time)), true
	}
	if isIdentity(t) {
		return appendWord(dst, uint64(v.Field(0).Pointer())), true
	}
	ok := true
	for i := 0; i < t.NumField() && ok; i++ {
		dst, ok = appendValue(dst, v.Field(i), depth+1)
	}
	return dst, ok
}

// appendValuer appends the value of a driver.Valuer. The key contains its
// fields already, but its method may depend on more.
func appendValuer(dst []byte, v reflect.Value, depth int) ([]byte, bool) {
	if !v.CanInterface() {
		return dst, true // an unexported field: only its owner's method uses it
	}
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return dst, true
	}
	value, err := v.Interface().(driver.Valuer).Value()
	if err != nil || depth >= maxDepth {
		return dst, false
	}
	return appendArg(append(dst, tagValuer), value, depth+1)
}
