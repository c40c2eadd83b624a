package keyset

import (
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"slices"
	"time"
)

// A Binding encodes a statement's arguments for cursors.
//
// Cursors are stored in URLs, by others, for longer than a process or a version
// of this library: the bytes are a stored format (TestBind freezes them). So
// they encode values, not Go types: equal integers match regardless of width,
// and so do strings and types based on them. But values that pgx sends as
// different texts differ: types with a String method, which pgx calls for
// parameters of type text, and structs with other fields, which are different
// JSON.
//
// A Binding accepts nil (also a nil pointer or slice), booleans, numbers,
// strings, byte slices, time.Time, net/netip, big.Int, the values that a
// driver.Valuer returns (as some types of pgtype do), and pointers to, lists
// and structs of these. It rejects maps, functions, channels, readers, values
// nested deeper than 8 levels, and times in unexported fields.
type Binding struct {
	Bytes []byte
	// Zones are the offsets from UTC, in seconds, of the times among the
	// arguments. They are not part of Bytes: a time is encoded as an instant,
	// and the parameter's type determines whether pgx sends the instant or the
	// wall clock.
	Zones []int
	// Args are the indexes of the arguments that contain the times, from 0.
	Args []int

	n int // arguments added
}

// Add adds an argument, and reports whether it can be bound.
func (b *Binding) Add(arg any) bool {
	ok := b.bind(reflect.ValueOf(arg), 0)
	b.n++
	return ok
}

// Moved returns the arguments with a time whose offset differs from the one in
// zones, which are those of a cursor; nil zones stand for UTC.
func (b *Binding) Moved(zones []int) []int {
	var moved []int
	for i, zone := range b.Zones {
		was := 0
		if i < len(zones) {
			was = zones[i]
		}
		if zone != was && !slices.Contains(moved, b.Args[i]) {
			moved = append(moved, b.Args[i])
		}
	}
	return moved
}

// The tag before each value. Tags are part of a stored format: never change
// one.
const (
	bindNil      = 'n'
	bindFalse    = 'f'
	bindTrue     = 't'
	bindInteger  = 'i' // a varint
	bindUnsigned = 'u' // a uvarint, of an integer beyond int64
	bindFloat    = 'd' // 8 bytes
	bindString   = 's' // a length and that many bytes
	bindBytes    = 'b'
	bindTime     = 'T' // seconds since 1970 as a varint, nanoseconds as a uvarint
	bindList     = 'l' // a number and that many values
	bindStruct   = 'S' // a number, and for each field its name, its json tag and its value
	bindText     = 'x' // after a value: the result of its String method
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

func (b *Binding) bind(v reflect.Value, depth int) bool {
	if depth > maxBindDepth {
		return false
	}
	if !v.IsValid() {
		return b.tag(bindNil)
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Slice:
		if v.IsNil() {
			return b.tag(bindNil)
		}
	case reflect.Map, reflect.Func, reflect.Chan:
		return false // a map has no order, and its Value method may depend on it
	}
	t := v.Type()
	switch t {
	case timeType, bigType, addrType, prefixType:
		if !v.CanInterface() {
			return false // its fields are not a stored format
		}
		return b.known(v.Interface())
	}
	switch {
	case t.Implements(readerType):
		return false
	case t.Implements(valuerType) && v.CanInterface():
		value, err := v.Interface().(driver.Valuer).Value()
		if err != nil {
			return false
		}
		return b.bind(reflect.ValueOf(value), depth+1)
	}
	return b.kind(v, depth)
}

func (b *Binding) tag(tag byte) bool {
	b.Bytes = append(b.Bytes, tag)
	return true
}

func (b *Binding) text(tag byte, text string) bool {
	b.Bytes = appendBytes(append(b.Bytes, tag), text)
	return true
}

// known binds a value of one of the types listed above.
func (b *Binding) known(value any) bool {
	switch v := value.(type) {
	case time.Time:
		b.Bytes = binary.AppendVarint(append(b.Bytes, bindTime), v.Unix())
		b.Bytes = binary.AppendUvarint(b.Bytes, uint64(v.Nanosecond()))
		_, zone := v.Zone()
		b.Zones, b.Args = append(b.Zones, zone), append(b.Args, b.n)
		return true
	case big.Int:
		return b.text(bindString, v.String())
	case netip.Addr:
		return b.text(bindString, v.String())
	default:
		return b.text(bindString, value.(netip.Prefix).String())
	}
}

// kind binds a value by the kind of its type.
func (b *Binding) kind(v reflect.Value, depth int) bool {
	switch v.Kind() {
	case reflect.String:
		return b.text(bindString, v.String())
	case reflect.Pointer, reflect.Interface:
		return b.bind(v.Elem(), depth+1)
	case reflect.Array, reflect.Slice:
		return b.elements(v, depth)
	case reflect.Struct:
		return b.fields(v, depth)
	}
	if !b.scalar(v) {
		return false
	}
	if s, ok := stringer(v); ok {
		return b.text(bindText, s.String())
	}
	return true
}

// stringer returns v as a Stringer if pgx would use it as one.
func stringer(v reflect.Value) (fmt.Stringer, bool) {
	if !v.CanInterface() {
		return nil, false
	}
	return reflect.TypeAssert[fmt.Stringer](v)
}

func (b *Binding) scalar(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return b.tag(bindTrue)
		}
		return b.tag(bindFalse)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		b.Bytes = binary.AppendVarint(append(b.Bytes, bindInteger), v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if n := v.Uint(); n > math.MaxInt64 {
			b.Bytes = binary.AppendUvarint(append(b.Bytes, bindUnsigned), n)
		} else {
			b.Bytes = binary.AppendVarint(append(b.Bytes, bindInteger), int64(n))
		}
	case reflect.Float32, reflect.Float64:
		b.Bytes = binary.BigEndian.AppendUint64(append(b.Bytes, bindFloat), math.Float64bits(v.Float()))
	default:
		return false
	}
	return true
}

func (b *Binding) fields(v reflect.Value, depth int) bool {
	b.Bytes = binary.AppendUvarint(append(b.Bytes, bindStruct), uint64(v.NumField()))
	for i := range v.NumField() {
		f := v.Type().Field(i)
		b.Bytes = appendBytes(appendBytes(b.Bytes, f.Name), f.Tag.Get("json"))
		if !b.bind(v.Field(i), depth+1) {
			return false
		}
	}
	return true
}

func (b *Binding) elements(v reflect.Value, depth int) bool {
	n := v.Len()
	if v.Type().Elem().Kind() == reflect.Uint8 {
		b.Bytes = binary.AppendUvarint(append(b.Bytes, bindBytes), uint64(n))
		for i := range n {
			b.Bytes = append(b.Bytes, byte(v.Index(i).Uint()))
		}
		return true
	}
	b.Bytes = binary.AppendUvarint(append(b.Bytes, bindList), uint64(n))
	for i := range n {
		if !b.bind(v.Index(i), depth+1) {
			return false
		}
	}
	return true
}
