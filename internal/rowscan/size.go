package rowscan

import (
	"math/bits"
	"reflect"
	"sync"
)

// sizes are bytes of memory that values refer to.
type sizes struct {
	text  int64 // of strings, which share memory
	other int64 // of everything else, each as the allocator rounds it
}

// A sizeFunc adds what the value in a cell refers to.
type sizeFunc func(s *sizes, c cell)

var sizers sync.Map // reflect.Type to sizeFunc, nil where values refer to nothing

// sizerOf returns the function that measures a typ, or nil where there is nothing to measure.
func sizerOf(typ reflect.Type) sizeFunc {
	if found, ok := sizers.Load(typ); ok {
		return found.(sizeFunc)
	}
	f := makeSizer(typ)
	sizers.Store(typ, f)
	return f
}

func makeSizer(typ reflect.Type) sizeFunc {
	switch typ.Kind() {
	case reflect.String:
		return func(s *sizes, c cell) { s.text += int64(len(*at[string](c))) }
	case reflect.Slice:
		return sliceSizer(typ)
	case reflect.Array:
		return arraySizer(typ)
	case reflect.Struct:
		return structSizer(typ)
	case reflect.Pointer:
		return pointerSizer(typ)
	case reflect.Interface:
		return func(s *sizes, c cell) {
			if v := c.value(typ); !v.IsNil() {
				s.add(v.Elem())
			}
		}
	case reflect.Map:
		return mapSizer(typ)
	}
	return nil
}

func sliceSizer(typ reflect.Type) sizeFunc {
	elements := sync.OnceValue(func() sizeFunc { return sizerOf(typ.Elem()) })
	size := typ.Elem().Size()
	return func(s *sizes, c cell) {
		v := c.value(typ)
		s.other += allocated(int64(v.Cap()) * int64(size))
		if element := elements(); element != nil {
			for i := range v.Len() {
				element(s, c.addElement(uintptr(i)*size))
			}
		}
	}
}

func arraySizer(typ reflect.Type) sizeFunc {
	element, size := sizerOf(typ.Elem()), typ.Elem().Size()
	if element == nil {
		return nil
	}
	return func(s *sizes, c cell) {
		for i := range typ.Len() {
			element(s, c.add(uintptr(i)*size))
		}
	}
}

func structSizer(typ reflect.Type) sizeFunc {
	type part struct {
		offset uintptr
		size   sizeFunc
	}
	var parts []part
	for f := range typ.Fields() {
		if isShared(f) {
			continue
		}
		if size := sizerOf(f.Type); size != nil {
			parts = append(parts, part{f.Offset, size})
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return func(s *sizes, c cell) {
		for _, p := range parts {
			p.size(s, c.add(p.offset))
		}
	}
}

func pointerSizer(typ reflect.Type) sizeFunc {
	targets := sync.OnceValue(func() sizeFunc { return sizerOf(typ.Elem()) })
	size := int64(typ.Elem().Size())
	if _, many := allocators[typ.Elem().Kind()]; !many {
		size = allocated(size)
	}
	return func(s *sizes, c cell) {
		to := c.pointee()
		if to.p == nil {
			return
		}
		s.other += size
		if target := targets(); target != nil {
			target(s, to)
		}
	}
}

// mapSizer counts a map's header and its groups of eight entries with a control word, of which at most seven eighths are
// full once there are several (internal/runtime/maps).
func mapSizer(typ reflect.Type) sizeFunc {
	const header, table, group = 48, 48, 8
	entries := int64(group + group*(typ.Key().Size()+typ.Elem().Size()))
	return func(s *sizes, c cell) {
		v := c.value(typ)
		if v.IsNil() {
			return
		}
		s.other += header
		switch n := v.Len(); {
		case n > group:
			groups := int64(1) << bits.Len(uint(n*8/7-1)) / group
			s.other += table + allocated(groups*entries)
		case n > 0:
			s.other += allocated(entries)
		}
		for entries := v.MapRange(); entries.Next(); {
			s.addContent(entries.Key())
			s.addContent(entries.Value())
		}
	}
}

// add measures a value that lies in memory of its own.
func (s *sizes) add(v reflect.Value) {
	if v.Kind() != reflect.Pointer && v.Kind() != reflect.Map { // those are the interface's own word
		s.other += allocated(int64(v.Type().Size()))
	}
	s.addContent(v)
}

// addContent measures what v refers to; v need not be addressable.
func (s *sizes) addContent(v reflect.Value) {
	if size := sizerOf(v.Type()); size != nil {
		c := newCell(v.Type())
		c.value(v.Type()).Set(v)
		size(s, c)
	}
}

// allocated returns how much memory the allocator uses for n bytes, to a few percent: its size classes lie an eighth
// apart at most (runtime/sizeclasses.go), large sizes are whole pages.
func allocated(n int64) int64 {
	const page, large = 8 << 10, 32 << 10
	switch {
	case n <= 0:
		return 0
	case n <= 8:
		return 8
	case n <= 256:
		return (n + 15) &^ 15
	case n <= large:
		return n + n/20
	}
	return (n + page - 1) &^ (page - 1)
}
