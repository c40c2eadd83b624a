package rowscan

import (
	"math/big"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// isShared reports whether a field may not be safe to copy: its package may
// compare or share an unexported pointer or interface by identity.
func isShared(f reflect.StructField) bool {
	switch f.Type.Kind() {
	case reflect.Pointer:
		return !f.IsExported() && !isNumber(f.Type)
	case reflect.Interface, reflect.UnsafePointer:
		return !f.IsExported()
	}
	return false
}

// isNumber reports whether typ points to a number of math/big, as in unexported
// fields of decimal types.
func isNumber(typ reflect.Type) bool {
	switch typ {
	case reflect.TypeFor[*big.Int](), reflect.TypeFor[*big.Rat](), reflect.TypeFor[*big.Float]():
		return true
	}
	return false
}

// isImmutable reports whether the target of a typ is never modified, so that
// copies may share it.
func isImmutable(typ reflect.Type) bool {
	switch typ {
	case reflect.TypeFor[time.Time](), reflect.TypeFor[*time.Location](), reflect.TypeFor[*regexp.Regexp](), reflect.TypeFor[reflect.Type]():
		return true
	}
	return typ.PkgPath() == "unique" && strings.HasPrefix(typ.Name(), "Handle[")
}

// sharing returns the path to a field of typ whose modifiable content copies of
// a value share, or "". It does not look into interfaces, whose content the
// type does not determine.
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
