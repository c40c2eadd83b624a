package deepcopy

import (
	"reflect"
	"strings"
	"sync"
	"time"
)

// A plan lists the references in values of a type.
type plan struct {
	typ      reflect.Type
	size     uintptr
	pointers bool // whether the collector looks into values
	parts    []part
	direct   bool // whether interfaces hold values in their second word

	// simple reports that references lead to values that refer to nothing but
	// strings, so that there are no more of them than references.
	simple bool
}

// An op is the kind of a part of a value.
type op uint8

const (
	text     op = iota // a string
	pointer            // to a value of the plan to
	slice              // of such values
	array              // of n such values
	mapped             // from key to to
	boxed              // an interface
	moment             // a time.Time
	location           // a *time.Location
	handle             // a unique.Handle
	opaque             // can be copied only if it is zero
)

// A part is a reference within a value.
type part struct {
	op     op
	offset uintptr
	typ    reflect.Type // of the part
	n      int
	key    *plan
	to     *plan
}

// An ownership determines what happens to strings and locations in a copy.
type ownership bool

const (
	sharing ownership = false
	owning  ownership = true
)

type planKey struct {
	typ reflect.Type
	own ownership
}

var (
	plans    sync.Map   // planKey to complete *plan
	planning sync.Mutex // held while plans are made
)

// planOf returns the plan of a type.
func planOf(typ reflect.Type, own ownership) *plan {
	if found, ok := plans.Load(planKey{typ, own}); ok {
		return found.(*plan)
	}
	planning.Lock()
	defer planning.Unlock()
	m := maker{own, make(map[reflect.Type]*plan)}
	p := m.plan(typ)
	for typ, made := range m.made { // plans are complete only now: a type may contain itself
		made.simple = isSimple(made)
		plans.LoadOrStore(planKey{typ, own}, made)
	}
	return p
}

// A maker makes plans that refer to each other.
type maker struct {
	own  ownership
	made map[reflect.Type]*plan
}

func (m *maker) plan(typ reflect.Type) *plan {
	if found, ok := plans.Load(planKey{typ, m.own}); ok {
		return found.(*plan)
	}
	if p := m.made[typ]; p != nil {
		return p
	}
	p := &plan{typ: typ, size: typ.Size(), direct: isDirect(typ), pointers: hasPointers(typ)}
	m.made[typ] = p
	p.parts = m.parts(nil, typ, 0)
	return p
}

// parts appends the references in a typ at the given offset of a value.
func (m *maker) parts(parts []part, typ reflect.Type, offset uintptr) []part {
	p := part{offset: offset, typ: typ}
	switch {
	case typ == reflect.TypeFor[time.Time]():
		p.op = moment
	case typ == reflect.TypeFor[*time.Location]():
		p.op = location
	case isHandle(typ):
		p.op = handle
	case isOpaque(typ):
		p.op = opaque
	case isType(typ):
		return parts
	default:
		return m.byKind(parts, p)
	}
	if m.own == sharing {
		return parts
	}
	return append(parts, p)
}

func (m *maker) byKind(parts []part, p part) []part {
	switch typ := p.typ; typ.Kind() {
	case reflect.String:
		if m.own == sharing {
			return parts
		}
		p.op = text
	case reflect.Pointer:
		p.op, p.to = pointer, m.plan(typ.Elem())
	case reflect.Slice:
		p.op, p.to = slice, m.plan(typ.Elem())
	case reflect.Interface:
		p.op = boxed
	case reflect.Map:
		p.op, p.key, p.to = mapped, m.plan(typ.Key()), m.plan(typ.Elem())
	case reflect.Array:
		p.op, p.n, p.to = array, typ.Len(), m.plan(typ.Elem())
		if p.n == 0 || len(p.to.parts) == 0 { // an array contains itself only by reference
			return parts
		}
	case reflect.Struct:
		for f := range typ.Fields() {
			parts = m.parts(parts, f.Type, p.offset+f.Offset)
		}
		return parts
	default:
		return parts
	}
	return append(parts, p)
}

// isSimple reports whether p is simple.
func isSimple(p *plan) bool {
	for _, part := range p.parts {
		switch part.op {
		case pointer, slice:
			if !isLeaf(part.to) {
				return false
			}
		case array:
			if !isSimple(part.to) {
				return false
			}
		case mapped, boxed:
			return false
		}
	}
	return true
}

// isLeaf reports whether values of p refer to nothing but strings and times.
func isLeaf(p *plan) bool {
	for _, part := range p.parts {
		switch part.op {
		case pointer, slice, mapped, boxed:
			return false
		case array:
			if !isLeaf(part.to) {
				return false
			}
		}
	}
	return true
}

// hasPointers reports whether the collector looks into values of typ.
func hasPointers(typ reflect.Type) bool {
	switch typ.Kind() {
	case reflect.String, reflect.Slice, reflect.Pointer, reflect.Map, reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	case reflect.Array:
		return typ.Len() > 0 && hasPointers(typ.Elem())
	case reflect.Struct:
		for f := range typ.Fields() {
			if hasPointers(f.Type) {
				return true
			}
		}
	}
	return false
}

// isHandle reports whether typ is a unique.Handle, which is compared by
// identity.
func isHandle(typ reflect.Type) bool {
	return typ.PkgPath() == "unique" && strings.HasPrefix(typ.Name(), "Handle[")
}

// isType reports whether typ is a reflect.Type.
func isType(typ reflect.Type) bool {
	return typ == reflect.TypeFor[reflect.Type]() || typ.Kind() == reflect.Pointer && typ.Implements(reflect.TypeFor[reflect.Type]())
}
