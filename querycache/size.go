package querycache

import (
	"reflect"
	"time"
)

// sizeDeep bounds how deep sizeOf and plain go: cyclic values end there.
const sizeDeep = 16

// plain reports whether copying a t by assignment copies all of it. Strings
// and times are shared, and nobody can change them.
func plain(t reflect.Type) bool {
	if t == reflect.TypeFor[time.Time]() {
		return true
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return false
	case reflect.Array:
		return plain(t.Elem())
	case reflect.Struct:
		for field := range t.Fields() {
			if !plain(field.Type) {
				return false
			}
		}
	}
	return true
}

// sizeOf returns about how many bytes v keeps alive, boxed in an interface.
func sizeOf(v reflect.Value) int64 { return int64(v.Type().Size()) + behind(v, sizeDeep) }

// behind returns the bytes that v leads to beside its own.
func behind(v reflect.Value, deep int) int64 {
	if deep == 0 || v.Type() == reflect.TypeFor[time.Time]() {
		return 0
	}
	switch v.Kind() {
	case reflect.String:
		return int64(v.Len())
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return 0
		}
		return int64(v.Elem().Type().Size()) + behind(v.Elem(), deep-1)
	case reflect.Slice:
		n := int64(v.Cap()) * int64(v.Type().Elem().Size())
		return n + elements(v, deep)
	case reflect.Array:
		return elements(v, deep)
	case reflect.Map:
		return mapSize(v, deep)
	case reflect.Struct:
		var n int64
		for _, field := range v.Fields() {
			n += behind(field, deep-1)
		}
		return n
	}
	return 0
}

func elements(v reflect.Value, deep int) int64 {
	if scalar(v.Type().Elem()) {
		return 0
	}
	var n int64
	for i := range v.Len() {
		n += behind(v.Index(i), deep-1)
	}
	return n
}

// mapSize counts a map's groups of eight slots as seven eighths full.
func mapSize(v reflect.Value, deep int) int64 {
	slot := int64(v.Type().Key().Size()+v.Type().Elem().Size()) + 1
	n := 48 + slot*int64(v.Len())*8/7
	for it := v.MapRange(); it.Next(); {
		n += behind(it.Key(), deep-1) + behind(it.Value(), deep-1)
	}
	return n
}

// scalar reports whether values of t lead nowhere.
func scalar(t reflect.Type) bool {
	return plain(t) && t.Kind() != reflect.String && t.Kind() != reflect.Struct && t.Kind() != reflect.Array
}
