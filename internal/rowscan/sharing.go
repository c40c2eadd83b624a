package rowscan

import (
	"math/big"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// isShared reports whether it is not certain that a field can be copied: a pointer or interface that is not exported may
// be one that its package compares by identity or shares.
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
