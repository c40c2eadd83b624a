package rowscan

import (
	"reflect"
	"slices"

	"github.com/jackc/pgx/v5/pgtype"
)

// A choice is the decoder for a column and the assumptions it rests on.
type choice struct {
	decode  decodeFunc
	element conversion // of a pointer's target, of the value of a nullable, of an array's elements
	valid   uintptr    // offset of Valid
	// wraps are the types through which pgx's scan wrappers reach the same
	// value.
	wraps [2]reflect.Type
	// anyCodec reports that pgx decodes alike whatever codec is registered.
	anyCodec bool
}

// choose returns the decoder for values of a codec in a format for fields of
// type typ. Decoders exist for exact types, and for types without methods of
// the same kind: pgx might scan by a method.
func choose(c codec, format int16, oid uint32, typ reflect.Type) choice {
	if format == pgtype.TextFormatCode {
		switch typ {
		case stringType:
			return choice{decode: decodeString, anyCodec: true}
		case bytesType:
			if oid != pgtype.ByteaOID {
				return choice{decode: decodeBytes, anyCodec: true}
			}
		}
	}
	if conv, ok := convert(c.class, format, typ); ok {
		return choice{decode: conv.decode, wraps: [2]reflect.Type{typ}}
	}
	switch typ.Kind() {
	case reflect.Pointer:
		if conv, ok := convert(c.class, format, typ.Elem()); ok && typ.Name() == "" {
			return choice{decode: decodePointer, element: conv, wraps: [2]reflect.Type{typ, typ.Elem()}}
		}
	case reflect.Struct:
		if conv, ok := convert(c.class, format, nullables[nullable{c.class, typ}]); ok {
			valid, _ := typ.FieldByName("Valid")
			return choice{decode: decodeNullable, element: conv, valid: valid.Offset}
		}
	case reflect.Slice:
		if conv, ok := elements(c, format, typ); ok {
			return choice{decode: decodeArray, element: conv, wraps: [2]reflect.Type{typ, typ.Elem()}}
		}
	}
	return choice{decode: leave}
}

var (
	stringType = reflect.TypeFor[string]()
	bytesType  = reflect.TypeFor[[]byte]()
)

// leave is the decoder of columns that are left to pgx.
func leave(*run, *column, cell, []byte) bool { return false }

// convert returns the conversion of non-NULL values of a class in a format into
// typ.
func convert(c class, format int16, typ reflect.Type) (conversion, bool) {
	if typ == nil || c == other {
		return conversion{}, false
	}
	if conv, ok := conversions[source{c, format, typ}]; ok {
		return conv, true
	}
	if c == uuid && isUUID(typ) {
		typ = reflect.TypeFor[[16]byte]()
	} else if reflect.PointerTo(typ).NumMethod() > 0 {
		return conversion{}, false
	}
	conv, ok := conversions[source{c, format, basic(typ)}]
	return conv, ok
}

// elements returns the conversion of an array's elements. A slice of bytes is a
// single value, and arrays in text format are left to pgx.
func elements(c codec, format int16, typ reflect.Type) (conversion, bool) {
	if c.class != array || format != pgtype.BinaryFormatCode || typ.Elem().Kind() == reflect.Uint8 || reflect.PointerTo(typ).NumMethod() > 0 {
		return conversion{}, false
	}
	return convert(c.element, format, typ.Elem())
}

// uuids lists types with a Scan method that parses the text of a UUID into its
// 16 bytes.
var uuids = []string{"github.com/google/uuid.UUID", "github.com/gofrs/uuid.UUID", "github.com/gofrs/uuid/v5.UUID"}

func isUUID(typ reflect.Type) bool {
	return typ.Kind() == reflect.Array && typ.Len() == 16 && typ.Elem().Kind() == reflect.Uint8 &&
		slices.Contains(uuids, typ.PkgPath()+"."+typ.Name())
}

// basic returns the predeclared type that typ has as its underlying one, or typ
// itself.
func basic(typ reflect.Type) reflect.Type {
	if b, ok := basics[typ.Kind()]; ok {
		return b
	}
	return typ
}

var basics = map[reflect.Kind]reflect.Type{
	reflect.Bool:    reflect.TypeFor[bool](),
	reflect.Int:     reflect.TypeFor[int](),
	reflect.Int8:    reflect.TypeFor[int8](),
	reflect.Int16:   reflect.TypeFor[int16](),
	reflect.Int32:   reflect.TypeFor[int32](),
	reflect.Int64:   reflect.TypeFor[int64](),
	reflect.Uint:    reflect.TypeFor[uint](),
	reflect.Uint8:   reflect.TypeFor[uint8](),
	reflect.Uint16:  reflect.TypeFor[uint16](),
	reflect.Uint32:  reflect.TypeFor[uint32](),
	reflect.Uint64:  reflect.TypeFor[uint64](),
	reflect.Float32: reflect.TypeFor[float32](),
	reflect.Float64: reflect.TypeFor[float64](),
	reflect.String:  reflect.TypeFor[string](),
}
