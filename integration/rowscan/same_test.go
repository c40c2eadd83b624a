package rowscan_test

import "reflect"

// same is reflect.DeepEqual, except that NaN equals NaN.
func same(a, b reflect.Value) bool {
	if a.IsValid() != b.IsValid() || a.IsValid() && a.Type() != b.Type() {
		return false
	}
	switch a.Kind() {
	case reflect.Float32, reflect.Float64:
		return a.Float() == b.Float() || a.Float() != a.Float() && b.Float() != b.Float()
	case reflect.Pointer, reflect.Interface:
		return a.IsNil() == b.IsNil() && (a.IsNil() || same(a.Elem(), b.Elem()))
	case reflect.Array, reflect.Slice:
		return (a.Kind() == reflect.Array || a.IsNil() == b.IsNil()) && sameElements(a, b)
	case reflect.Map:
		return a.IsNil() == b.IsNil() && sameEntries(a, b)
	case reflect.Struct:
		if exported(a.Type()) {
			return sameFields(a, b)
		}
	}
	return !a.IsValid() || reflect.DeepEqual(a.Interface(), b.Interface())
}

func sameElements(a, b reflect.Value) bool {
	if a.Len() != b.Len() {
		return false
	}
	for i := range a.Len() {
		if !same(a.Index(i), b.Index(i)) {
			return false
		}
	}
	return true
}

func sameEntries(a, b reflect.Value) bool {
	if a.Len() != b.Len() {
		return false
	}
	for entries := a.MapRange(); entries.Next(); {
		if !same(entries.Value(), b.MapIndex(entries.Key())) {
			return false
		}
	}
	return true
}

func sameFields(a, b reflect.Value) bool {
	for i := range a.NumField() {
		if !same(a.Field(i), b.Field(i)) {
			return false
		}
	}
	return true
}

// exported reports whether all fields of a struct are.
func exported(typ reflect.Type) bool {
	for field := range typ.Fields() {
		if !field.IsExported() {
			return false
		}
	}
	return true
}
