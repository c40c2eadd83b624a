package deepcopy

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"
)

// Check returns an error that names a part of typ that cannot be copied in
// general, or nil. It cannot see what interfaces contain, which is checked for
// each value.
func Check(typ reflect.Type) error { return check(typ, typ.String(), map[reflect.Type]bool{}) }

// ErrTooBig is returned by [Keep] for a value that takes more memory than the
// limit.
var ErrTooBig = errors.New("the value takes more memory than allowed")

// check looks for parts that cannot be copied at path, which is a typ.
func check(typ reflect.Type, path string, seen map[reflect.Type]bool) error {
	if seen[typ] || typ == reflect.TypeFor[time.Time]() || typ == reflect.TypeFor[*time.Location]() || isHandle(typ) || isType(typ) {
		return nil
	}
	seen[typ] = true
	if isOpaque(typ) {
		return fmt.Errorf("%s is a %v, which cannot be copied", path, typ)
	}
	switch typ.Kind() {
	case reflect.Pointer:
		return check(typ.Elem(), path, seen)
	case reflect.Slice, reflect.Array:
		return check(typ.Elem(), path+"[]", seen)
	case reflect.Map:
		if err := check(typ.Key(), path+"[key]", seen); err != nil {
			return err
		}
		return check(typ.Elem(), path+"[]", seen)
	case reflect.Struct:
		for f := range typ.Fields() {
			if err := check(f.Type, path+"."+f.Name, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// isOpaque reports whether a copy of a typ would differ in identity from the
// original, unless both are zero.
func isOpaque(typ reflect.Type) bool {
	switch typ.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	case reflect.Struct:
		pkg := typ.PkgPath()
		return pkg == "sync" || pkg == "sync/atomic" || reflect.PointerTo(typ).Implements(reflect.TypeFor[sync.Locker]())
	}
	return false
}

// checkOpaque returns an error unless the value of a cell is zero.
func checkOpaque(at cell, typ reflect.Type) error {
	for _, b := range at.bytes(typ.Size()) {
		if b != 0 {
			return fmt.Errorf("a %v cannot be copied", typ)
		}
	}
	return nil
}

// checkBoxed returns an error for a value in an interface that cannot be
// copied.
func checkBoxed(typ reflect.Type) error {
	if typ.Kind() == reflect.Pointer && typ.Implements(reflect.TypeFor[error]()) {
		return fmt.Errorf("a %v is an error, which is compared by identity", typ)
	}
	return nil
}
