package argkey

import (
	"database/sql/driver"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Clone returns a copy of args that may outlive the call that args was made
// for. Each value gets a new box. Everything that [Append] accepts is copied so
// that it shares no modifiable memory with the original; anything else is
// copied one level deep. pgx sends the same parameters for the copy. Callers
// that pass arguments to pgx, to another goroutine or to an interface pass a
// Clone, so that their own arguments stay on the stack.
//
// A function or a channel, which pgx cannot send, becomes a value whose
// encoding fails with a clear error.
func Clone(args []any) []any {
	if args == nil {
		return nil
	}
	out := make([]any, len(args))
	for i := range args {
		out[i] = cloneArg(args[i])
	}
	return out
}

func cloneArg(arg any) any {
	switch v := arg.(type) {
	case nil:
		return nil
	case int:
		return v
	case int64:
		return v
	case string:
		return v
	case int32:
		return v
	case bool:
		return v
	case time.Time:
		return v
	case float64:
		return v
	case [16]byte:
		return v
	case []byte:
		return slices.Clone(v)
	case []int64:
		return slices.Clone(v)
	case []int:
		return slices.Clone(v)
	case []int32:
		return slices.Clone(v)
	case []string:
		return slices.Clone(v)
	case pgx.QueryExecMode:
		return v
	case pgx.NamedArgs:
		return cloneNamed(v)
	case pgx.StrictNamedArgs:
		return cloneNamed(v)
	}
	return cloneReflected(arg)
}

// cloneNamed is maps.Clone, which would let the map escape.
func cloneNamed[M ~map[string]any](m M) M {
	if m == nil {
		return nil
	}
	c := make(M, len(m))
	maps.Copy(c, m)
	return c
}

// cloneReflected copies an argument of any other type.
func cloneReflected(arg any) any {
	leakContent(arg)
	v := reflect.ValueOf(hide(arg))
	t := v.Type()
	if isPointerShaped(t) {
		return clonePointerShaped(v, t)
	}
	c := reflect.New(t).Elem()
	c.Set(v)
	deepen(c, 0)
	return c.Interface()
}

// clonePointerShaped copies a value that an interface holds as a bare pointer:
// a pointer, a map, or a struct or array with just one of these. It copies the
// target too, which may be on the caller's stack.
func clonePointerShaped(v reflect.Value, t reflect.Type) any {
	for v.Kind() == reflect.Struct || v.Kind() == reflect.Array {
		v = soleElement(v)
	}
	c := reflect.New(t)
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			target := reflect.New(v.Type().Elem())
			target.Elem().Set(targetOf(v))
			deepen(target.Elem(), 1)
			wordOf(c, v.Type()).Set(target.Convert(v.Type()))
		}
	case reflect.Map:
		if !v.IsNil() {
			wordOf(c, v.Type()).Set(cloneMap(v))
		}
	default:
		return unsendable{t} // a function or a channel
	}
	return c.Elem().Interface()
}

func cloneMap(v reflect.Value) reflect.Value {
	m := reflect.MakeMapWithSize(v.Type(), v.Len())
	word := v.UnsafePointer()
	for it := mapOf(&word, v.Type()).MapRange(); it.Next(); {
		m.SetMapIndex(it.Key(), it.Value())
	}
	return m
}

// isPointerShaped reports whether an interface holds a t as a bare pointer, by
// the rule of the compiler's types.IsDirectIface.
func isPointerShaped(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return true
	case reflect.Array:
		return t.Len() == 1 && isPointerShaped(t.Elem())
	case reflect.Struct:
		if t.Size() != reflect.TypeFor[uintptr]().Size() {
			return false
		}
		for field := range t.Fields() {
			if f := field.Type; f.Size() > 0 {
				return isPointerShaped(f)
			}
		}
	}
	return false
}

// soleElement returns the only part of a struct or array with a size.
func soleElement(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.Array {
		return v.Index(0)
	}
	for _, field := range v.Fields() {
		if field.Type().Size() > 0 {
			return field
		}
	}
	return v
}

// An unsendable replaces an argument without copy and wire format.
type unsendable struct{ t reflect.Type }

// Value implements [driver.Valuer]. It always fails.
func (u unsendable) Value() (driver.Value, error) {
	return nil, fmt.Errorf("argument of type %s cannot be sent to the server", u.t)
}
