package rowscan

import (
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// A class is one of pgx's codecs with decoders in this package.
type class uint8

const (
	other class = iota // not registered, another codec, or one of the program's own
	array
	bigint
	boolean
	bytea
	date
	enum
	float4
	float8
	int2
	int4
	text
	timestamp
	timestamptz
	uuid
)

// A codec describes what a connection's type map does with a server type, as
// far as decoders depend on it. It depends on the registered codec, never on
// the type's OID: programs replace codecs, and domains and enums have OIDs of
// their own.
type codec struct {
	class   class
	element class // of an array's elements
	located bool  // the timestamp codec, or that of the elements, has a ScanLocation: see locationOf
}

// codecOf returns the codec of a registered type; nil stands for an
// unregistered type.
func codecOf(t *pgtype.Type) codec {
	if t == nil {
		return codec{}
	}
	switch c := t.Codec.(type) {
	case *pgtype.ArrayCodec:
		if element := codecOf(c.ElementType); element.class != other && element.class != array {
			return codec{array, element.class, element.located}
		}
	case pgtype.BoolCodec:
		return codec{class: boolean}
	case pgtype.ByteaCodec:
		return codec{class: bytea}
	case pgtype.DateCodec:
		return codec{class: date}
	case *pgtype.EnumCodec:
		return codec{class: enum}
	case pgtype.Float4Codec:
		return codec{class: float4}
	case pgtype.Float8Codec:
		return codec{class: float8}
	case pgtype.Int2Codec:
		return codec{class: int2}
	case pgtype.Int4Codec:
		return codec{class: int4}
	case pgtype.Int8Codec:
		return codec{class: bigint}
	case pgtype.TextCodec:
		return codec{class: text}
	case *pgtype.TimestampCodec:
		return codec{class: timestamp, located: c.ScanLocation != nil}
	case *pgtype.TimestamptzCodec:
		return codec{class: timestamptz, located: c.ScanLocation != nil}
	case pgtype.UUIDCodec:
		return codec{class: uuid}
	}
	return codec{}
}

// elementOf returns the element type that an array was registered with.
func elementOf(t *pgtype.Type) *pgtype.Type {
	if t != nil {
		if c, ok := t.Codec.(*pgtype.ArrayCodec); ok {
			return c.ElementType
		}
	}
	return nil
}

// locationOf returns the ScanLocation of a located codec. It is not part of the
// codec, nor of any plan: programs load a location for each connection
// (time.LoadLocation in AfterConnect), and only the pointers differ.
func locationOf(m *pgtype.Map, oid uint32) *time.Location {
	t, ok := m.TypeForOID(oid)
	if !ok {
		return nil
	}
	switch c := t.Codec.(type) {
	case *pgtype.ArrayCodec:
		return locationOf(m, c.ElementType.OID)
	case *pgtype.TimestampCodec:
		return c.ScanLocation
	case *pgtype.TimestamptzCodec:
		return c.ScanLocation
	}
	return nil
}

// defaultTypes holds pgx's default types. It is never modified, so that
// concurrent use is safe.
var defaultTypes = pgtype.NewMap()

// defaultWraps is the number of scan wrappers in a default map.
var defaultWraps = len(defaultTypes.TryWrapScanPlanFuncs)
