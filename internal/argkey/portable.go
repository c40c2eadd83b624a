package argkey

import (
	"database/sql/driver"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5/pgtype"
)

// AppendPortable appends to dst what the key of args by [Append] lacks for use
// in several programs: types of one name may differ in their fields, in the tags
// of these, and in the methods by which pgx encodes them. It reports false if an
// argument has a type whose key is an address, or whose encoding cannot be part
// of a key.
func AppendPortable(dst []byte, args []any) ([]byte, bool) {
	for _, arg := range args {
		if arg == nil {
			continue
		}
		p := portableOf(reflect.TypeOf(arg))
		if !p.ok {
			return dst, false
		}
		dst = append(dst, p.fields...)
		if !p.methods {
			continue
		}
		var ok bool
		if dst, ok = appendEncodings(dst, arg); !ok {
			return dst, false
		}
	}
	return dst, true
}

// A portability describes a type for AppendPortable.
type portability struct {
	fields  string // of the structs in it, with their types and tags
	methods bool   // the type itself may be encoded by one of its methods
	ok      bool
}

// portabilities caches them by type. It grows with the types of the program.
var portabilities sync.Map

func portableOf(t reflect.Type) portability {
	if p, ok := portabilities.Load(t); ok {
		return p.(portability)
	}
	p := portability{methods: encodesItself(t)}
	p.ok = !usesValuer(t) && p.visit(t, make(map[reflect.Type]bool), true)
	portabilities.Store(t, p)
	return p
}

// visit adds the structs in t, and reports whether their keys are portable. top
// is set for the type of the argument.
func (p *portability) visit(t reflect.Type, seen map[reflect.Type]bool, top bool) bool {
	switch {
	case isIdentity(t):
		return false
	case isPgtypes(t) || seen[t] || t.Kind() == reflect.Pointer && isPgtypes(t.Elem()):
		return true
	case !top && (encodesItself(t) || usesValuer(t)):
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface: // may hold any type
		return false
	case reflect.Pointer:
		if top && t.Elem().Kind() != reflect.Pointer && !isPgtypes(t.Elem()) {
			return (!encodesItself(t.Elem()) || encodesItself(t)) && p.visitFields(t.Elem(), seen)
		}
		return p.visit(t.Elem(), seen, false)
	case reflect.Slice, reflect.Array:
		return p.visit(t.Elem(), seen, false)
	case reflect.Struct:
		return p.visitFields(t, seen)
	}
	return true
}

func (p *portability) visitFields(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t.Kind() != reflect.Struct {
		return p.visit(t, seen, true)
	}
	for f := range t.Fields() {
		p.fields += fmt.Sprintf("%s %s %q;", f.Name, f.Type, f.Tag)
		if f.IsExported() && !p.visit(f.Type, seen, false) {
			return false
		}
	}
	return true
}

// isPgtypes reports whether t is a type that pgx itself encodes, whatever its
// methods.
func isPgtypes(t reflect.Type) bool {
	switch t.PkgPath() {
	case "time", "net/netip", "net", "math/big", "database/sql", "encoding/json", "github.com/jackc/pgx/v5/pgtype":
		return !isIdentity(t)
	}
	return false
}

var (
	stringerType = reflect.TypeFor[fmt.Stringer]()
	jsonType     = reflect.TypeFor[json.Marshaler]()
	textType     = reflect.TypeFor[encoding.TextMarshaler]()
	valuerTypes  = []reflect.Type{
		reflect.TypeFor[pgtype.BoolValuer](), reflect.TypeFor[pgtype.BytesValuer](), reflect.TypeFor[pgtype.DateValuer](),
		reflect.TypeFor[pgtype.Float64Valuer](), reflect.TypeFor[pgtype.HstoreValuer](), reflect.TypeFor[pgtype.Int64Valuer](),
		reflect.TypeFor[pgtype.IntervalValuer](), reflect.TypeFor[pgtype.NetipPrefixValuer](), reflect.TypeFor[pgtype.NumericValuer](),
		reflect.TypeFor[pgtype.PointValuer](), reflect.TypeFor[pgtype.TextValuer](), reflect.TypeFor[pgtype.TimeValuer](),
		reflect.TypeFor[pgtype.TimestampValuer](), reflect.TypeFor[pgtype.TimestamptzValuer](), reflect.TypeFor[pgtype.UUIDValuer](),
		reflect.TypeFor[pgtype.RangeValuer](), reflect.TypeFor[pgtype.ArrayGetter](), reflect.TypeFor[pgtype.CompositeIndexGetter](),
		reflect.TypeFor[pgtype.BoxValuer](), reflect.TypeFor[pgtype.CircleValuer](), reflect.TypeFor[pgtype.LineValuer](),
		reflect.TypeFor[pgtype.LsegValuer](), reflect.TypeFor[pgtype.PathValuer](), reflect.TypeFor[pgtype.PolygonValuer](),
		reflect.TypeFor[pgtype.TIDValuer](), reflect.TypeFor[pgtype.BitsValuer](),
	}
)

// encodesItself reports whether values of t may be encoded by a method whose
// result can be part of a key.
func encodesItself(t reflect.Type) bool {
	if isPgtypes(t) || t.NumMethod() == 0 || t.Kind() == reflect.Pointer && isPgtypes(t.Elem()) {
		return false
	}
	return t.Implements(stringerType) || t.Implements(jsonType) || t.Implements(textType) || t.Implements(valuerType)
}

// usesValuer reports whether values of t are encoded by a method for one of
// pgx's types.
func usesValuer(t reflect.Type) bool {
	if isPgtypes(t) || t.NumMethod() == 0 || t.Kind() == reflect.Pointer && isPgtypes(t.Elem()) {
		return false
	}
	return slices.ContainsFunc(valuerTypes, t.Implements)
}

// appendEncodings appends the results of the methods by which arg may be
// encoded. It reports false after an error or a panic of one.
func appendEncodings(dst []byte, arg any) (_ []byte, ok bool) {
	defer func() {
		if recover() != nil { // such as a nil pointer: the load returns the error
			ok = false
		}
	}()
	add := func(text []byte, err error) bool {
		dst = appendBytes(dst, text)
		return err == nil
	}
	ok = true
	if v, is := arg.(fmt.Stringer); is {
		dst = appendString(dst, v.String())
	}
	if v, is := arg.(json.Marshaler); is {
		ok = add(v.MarshalJSON()) && ok
	}
	if v, is := arg.(encoding.TextMarshaler); is {
		ok = add(v.MarshalText()) && ok
	}
	if v, is := arg.(driver.Valuer); is {
		value, err := v.Value()
		dst = appendString(dst, fmt.Sprintf("%T %v", value, value))
		ok = ok && err == nil
	}
	return dst, ok
}
