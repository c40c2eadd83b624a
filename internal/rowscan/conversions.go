package rowscan

import (
	"database/sql"
	"reflect"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// A conversion decodes values into memory of one Go type and allocates such
// memory.
type conversion struct {
	decode decodeFunc
	alloc  func(n int) cell // an array of n zero values
	size   uintptr          // of one
}

// A source is the key by which a conversion is chosen.
type source struct {
	class  class
	format int16
	typ    reflect.Type
}

// A target is a conversion with its source.
type target struct {
	source
	conversion
}

// from returns the target for values of a class in a format that become an F.
func from[F any](c class, format int16, decode decodeFunc) target {
	typ := reflect.TypeFor[F]()
	return target{source{c, format, typ}, conversion{decode, newArray[F], typ.Size()}}
}

const (
	inText   = pgtype.TextFormatCode
	inBinary = pgtype.BinaryFormatCode
)

// fromIntegers returns the conversions of all integer types of the server into
// a Go integer type.
func fromIntegers[F integer]() []target {
	return []target{
		from[F](int2, inBinary, decodeInt2[F]), from[F](int2, inText, decodeIntText[F]),
		from[F](int4, inBinary, decodeInt4[F]), from[F](int4, inText, decodeIntText[F]),
		from[F](bigint, inBinary, decodeInt8[F]), from[F](bigint, inText, decodeIntText[F]),
	}
}

// conversions holds all conversions. It is read-only after the package is
// initialized.
var conversions = byTarget(slices.Concat(
	fromIntegers[int](), fromIntegers[int8](), fromIntegers[int16](), fromIntegers[int32](), fromIntegers[int64](),
	fromIntegers[uint](), fromIntegers[uint8](), fromIntegers[uint16](), fromIntegers[uint32](), fromIntegers[uint64](),
	[]target{
		from[bool](boolean, inBinary, decodeBool), from[bool](boolean, inText, decodeBoolText),
		from[float32](float4, inBinary, decodeFloat4), from[float32](float4, inText, decodeFloat4Text),
		from[float64](float8, inBinary, decodeFloat8), from[float64](float8, inText, decodeFloat8Text),
		from[string](text, inBinary, decodeString), from[string](text, inText, decodeString),
		from[string](enum, inBinary, decodeString), from[string](enum, inText, decodeString),
		from[string](uuid, inBinary, decodeUUIDString),
		from[[]byte](bytea, inBinary, decodeBytes), from[[]byte](text, inBinary, decodeBytes),
		from[[16]byte](uuid, inBinary, decodeUUID), from[[16]byte](uuid, inText, decodeUUIDText),
		from[time.Time](date, inBinary, decodeDate), from[time.Time](date, inText, decodeDateText),
		from[time.Time](timestamp, inBinary, decodeTimestamp), from[time.Time](timestamp, inText, decodeTimestampText),
		from[time.Time](timestamptz, inBinary, decodeTimestamptz), from[time.Time](timestamptz, inText, decodeTimestamptzText),
	},
))

func byTarget(list []target) map[source]conversion {
	m := make(map[source]conversion, len(list))
	for _, t := range list {
		m[t.source] = t.conversion
	}
	return m
}

// A nullable is a struct of a value and Valid that pgx fills from a class as it
// fills the value itself.
type nullable struct {
	class class
	typ   reflect.Type
}

// nullables maps such structs to the type of the value, which is their first
// field.
var nullables = map[nullable]reflect.Type{
	{boolean, reflect.TypeFor[pgtype.Bool]()}:            reflect.TypeFor[bool](),
	{date, reflect.TypeFor[pgtype.Date]()}:               reflect.TypeFor[time.Time](),
	{float4, reflect.TypeFor[pgtype.Float4]()}:           reflect.TypeFor[float32](),
	{float8, reflect.TypeFor[pgtype.Float8]()}:           reflect.TypeFor[float64](),
	{int2, reflect.TypeFor[pgtype.Int2]()}:               reflect.TypeFor[int16](),
	{int2, reflect.TypeFor[pgtype.Int4]()}:               reflect.TypeFor[int32](),
	{int2, reflect.TypeFor[pgtype.Int8]()}:               reflect.TypeFor[int64](),
	{int4, reflect.TypeFor[pgtype.Int4]()}:               reflect.TypeFor[int32](),
	{int4, reflect.TypeFor[pgtype.Int8]()}:               reflect.TypeFor[int64](),
	{bigint, reflect.TypeFor[pgtype.Int8]()}:             reflect.TypeFor[int64](),
	{text, reflect.TypeFor[pgtype.Text]()}:               reflect.TypeFor[string](),
	{timestamp, reflect.TypeFor[pgtype.Timestamp]()}:     reflect.TypeFor[time.Time](),
	{timestamptz, reflect.TypeFor[pgtype.Timestamptz]()}: reflect.TypeFor[time.Time](),
	{uuid, reflect.TypeFor[pgtype.UUID]()}:               reflect.TypeFor[[16]byte](),
	{boolean, reflect.TypeFor[sql.NullBool]()}:           reflect.TypeFor[bool](),
	{float8, reflect.TypeFor[sql.NullFloat64]()}:         reflect.TypeFor[float64](),
	{int2, reflect.TypeFor[sql.NullInt16]()}:             reflect.TypeFor[int16](),
	{int2, reflect.TypeFor[sql.NullInt32]()}:             reflect.TypeFor[int32](),
	{int2, reflect.TypeFor[sql.NullInt64]()}:             reflect.TypeFor[int64](),
	{int4, reflect.TypeFor[sql.NullInt32]()}:             reflect.TypeFor[int32](),
	{int4, reflect.TypeFor[sql.NullInt64]()}:             reflect.TypeFor[int64](),
	{bigint, reflect.TypeFor[sql.NullInt64]()}:           reflect.TypeFor[int64](),
	{text, reflect.TypeFor[sql.NullString]()}:            reflect.TypeFor[string](),
	{date, reflect.TypeFor[sql.NullTime]()}:              reflect.TypeFor[time.Time](),
	{timestamp, reflect.TypeFor[sql.NullTime]()}:         reflect.TypeFor[time.Time](),
	{timestamptz, reflect.TypeFor[sql.NullTime]()}:       reflect.TypeFor[time.Time](),
}
