package keyset

import (
	"database/sql/driver"
	"encoding/binary"
	"io"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"time"
)

// Bind appends what cursors know of an argument, and reports whether it can be told.
//
// Cursors are kept in URLs, by others, for longer than a process or a version of this library: the bytes are a stored
// format (TestBind freezes them). So they are made of values, not of Go types: integers of any width are one, an instant
// is one in every zone (whose name differs from machine to machine), strings and types made of them are one. They only
// have to tell apart what a client would mix up by mistake, not all that is sent in different ways.
//
// Bound are nil (also a nil pointer or slice), booleans, numbers, strings, byte slices, time.Time, net/netip, big.Int,
// what a driver.Valuer returns (pgtype's types, for some), and pointers to, lists and structs of these. Maps, functions,
// channels, readers, values nested deeper than 8 levels, and times in fields that are not exported, are not.
func Bind(b []byte, arg any) ([]byte, bool) { return bind(b, reflect.ValueOf(arg), 0) }

// The tag before each value. They are part of a stored format: never change one.
const (
	bindNil      = 'n'
	bindFalse    = 'f'
	bindTrue     = 't'
	bindInteger  = 'i' // a varint
	bindUnsigned = 'u' // a uvarint, of an integer beyond int64
	bindFloat    = 'd' // 8 bytes
	bindString   = 's' // a length and so many bytes
	bindBytes    = 'b'
	bindTime     = 'T' // seconds since 1970 as a varint, nanoseconds as a uvarint
	bindList     = 'l' // a number and so many values
	bindStruct   = 'S'
)

const maxBindDepth = 8

var (
	timeType   = reflect.TypeFor[time.Time]()
	bigType    = reflect.TypeFor[big.Int]()
	addrType   = reflect.TypeFor[netip.Addr]()
	prefixType = reflect.TypeFor[netip.Prefix]()
	valuerType = reflect.TypeFor[driver.Valuer]()
	readerType = reflect.TypeFor[io.Reader]()
)

func bind(b []byte, v reflect.Value, depth int) ([]byte, bool) {
	if depth > maxBindDepth {
		return b, false
	}
	if !v.IsValid() {
		return append(b, bindNil), true
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Slice:
		if v.IsNil() {
			return append(b, bindNil), true
		}
	case reflect.Map, reflect.Func, reflect.Chan:
		return b, false // a map has no order, which its Value method may show
	}
	t := v.Type()
	switch t {
	case timeType, bigType, addrType, prefixType:
		if !v.CanInterface() {
			return b, false // its fields are no stored format
		}
		return bindKnown(b, v.Interface()), true
	}
	switch {
	case t.Implements(readerType):
		return b, false
	case t.Implements(valuerType) && v.CanInterface():
		value, err := v.Interface().(driver.Valuer).Value()
		if err != nil {
			return b, false
		}
		return bind(b, reflect.ValueOf(value), depth+1)
	}
	return bindKind(b, v, depth)
}

// bindKnown binds a value of the types that are known by name.
func bindKnown(b []byte, value any) []byte {
	switch v := value.(type) {
	case time.Time:
		b = binary.AppendVarint(append(b, bindTime), v.Unix())
		return binary.AppendUvarint(b, uint64(v.Nanosecond()))
	case big.Int:
		return appendBytes(append(b, bindString), v.String())
	case netip.Addr:
		return appendBytes(append(b, bindString), v.String())
	default:
		return appendBytes(append(b, bindString), value.(netip.Prefix).String())
	}
}

// bindKind binds a value by what its type is made of.
func bindKind(b []byte, v reflect.Value, depth int) ([]byte, bool) {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return append(b, bindTrue), true
		}
		return append(b, bindFalse), true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return binary.AppendVarint(append(b, bindInteger), v.Int()), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if n := v.Uint(); n > math.MaxInt64 {
			return binary.AppendUvarint(append(b, bindUnsigned), n), true
		}
		return binary.AppendVarint(append(b, bindInteger), int64(v.Uint())), true
	case reflect.Float32, reflect.Float64:
		return binary.BigEndian.AppendUint64(append(b, bindFloat), math.Float64bits(v.Float())), true
	case reflect.String:
		return appendBytes(append(b, bindString), v.String()), true
	case reflect.Pointer, reflect.Interface:
		return bind(b, v.Elem(), depth+1)
	case reflect.Array, reflect.Slice:
		return bindElements(b, v, depth)
	case reflect.Struct:
		b = binary.AppendUvarint(append(b, bindStruct), uint64(v.NumField()))
		ok := true
		for i := 0; i < v.NumField() && ok; i++ {
			b, ok = bind(b, v.Field(i), depth+1)
		}
		return b, ok
	default:
		return b, false
	}
}

func bindElements(b []byte, v reflect.Value, depth int) ([]byte, bool) {
	n := v.Len()
	if v.Type().Elem().Kind() == reflect.Uint8 {
		b = binary.AppendUvarint(append(b, bindBytes), uint64(n))
		for i := range n {
			b = append(b, byte(v.Index(i).Uint()))
		}
		return b, true
	}
	b = binary.AppendUvarint(append(b, bindList), uint64(n))
	ok := true
	for i := 0; i < n && ok; i++ {
		b, ok = bind(b, v.Index(i), depth+1)
	}
	return b, ok
}
