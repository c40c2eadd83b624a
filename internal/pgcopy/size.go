package pgcopy

import "reflect"

// SizeOf returns a function that estimates how much memory a row takes: T
// itself and what its strings, slices and pointers hold, one level deep.
func SizeOf[T any](fields []Field) func(row *T) int {
	fixed := int(reflect.TypeFor[T]().Size())
	var parts []func(p pointer) int
	for _, f := range fields {
		if measure := sizeBehind(f.Type); measure != nil {
			offset := f.offset
			parts = append(parts, func(p pointer) int { return measure(field(p, offset)) })
		}
	}
	return func(row *T) int {
		n, p := fixed, addressOf(row)
		for _, part := range parts {
			n += part(p)
		}
		return n
	}
}

// sizeBehind measures what a field refers to, or is nil where that is nothing.
func sizeBehind(t reflect.Type) func(p pointer) int {
	switch t.Kind() {
	case reflect.String:
		return func(p pointer) int { return len(at[string](p)) }
	case reflect.Slice:
		element := int(t.Elem().Size())
		return func(p pointer) int {
			_, n := slice(p)
			return n * element
		}
	case reflect.Pointer:
		element, behind := int(t.Elem().Size()), func(pointer) int { return 0 }
		if t.Elem().Kind() == reflect.String {
			behind = sizeBehind(t.Elem())
		}
		return func(p pointer) int {
			p = target(p)
			if p == nil {
				return 0
			}
			return element + behind(p)
		}
	}
	return nil
}
