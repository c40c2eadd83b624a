package paging

import (
	"reflect"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/keyset"
)

// A column describes a key's column, as the server reported it.
type column struct {
	oid   uint32
	text  keyset.TextOf
	exact bool // the server considers values equal only if their bytes are
}

// newColumn extracts from f what cursors need. They are made after the rows,
// when the connection with its types may have another owner.
func newColumn(f pgconn.FieldDescription, types *pgtype.Map) column {
	c := column{f.DataTypeOID, keyset.Plain, keyset.Exact(f.DataTypeOID)}
	switch {
	case f.DataTypeOID == pgtype.QCharOID:
		c.text = keyset.Char
	case f.Format != pgx.TextFormatCode:
		c.text = textOf(types, f.DataTypeOID)
	}
	return c
}

// textOf returns the TextOf of a type. It is exact, unlike pgtype's conversion
// through Go values, which drops the bounds of arrays, for example.
func textOf(types *pgtype.Map, oid uint32) keyset.TextOf {
	if simple := keyset.Simple(oid); simple != nil {
		return simple
	}
	t, ok := types.TypeForOID(oid)
	if !ok {
		return noText
	}
	switch codec := t.Codec.(type) {
	case *pgtype.ArrayCodec:
		delimiter := codec.Delimiter
		if delimiter == 0 {
			delimiter = ','
		}
		return keyset.ArrayOf(textOf(types, codec.ElementType.OID), delimiter)
	case *pgtype.RangeCodec:
		return keyset.RangeOf(textOf(types, codec.ElementType.OID))
	case *pgtype.MultirangeCodec:
		return keyset.MultirangeOf(textOf(types, codec.ElementType.OID))
	case *pgtype.CompositeCodec:
		columns := make([]keyset.TextOf, len(codec.Fields))
		for i, field := range codec.Fields {
			columns[i] = textOf(types, field.Type.OID)
		}
		return keyset.CompositeOf(columns)
	case *pgtype.EnumCodec, pgtype.TextCodec, *pgtype.TextFormatOnlyCodec:
		return keyset.Plain
	default:
		return textByCodec(codec)
	}
}

func noText([]byte) (string, bool) { return "", false }

// textByCodec serves domains, which share the codec of their base type, and the
// few types that only pgtype knows.
func textByCodec(codec pgtype.Codec) keyset.TextOf {
	for _, oid := range []uint32{
		pgtype.BoolOID, pgtype.ByteaOID, pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.Float4OID, pgtype.Float8OID,
		pgtype.NumericOID, pgtype.DateOID, pgtype.TimeOID, pgtype.TimestampOID, pgtype.TimestamptzOID, pgtype.IntervalOID,
		pgtype.UUIDOID, pgtype.InetOID, pgtype.VarbitOID, pgtype.JSONBOID,
	} {
		if t, _ := ownTypes.TypeForOID(oid); reflect.TypeOf(t.Codec) == reflect.TypeOf(codec) {
			return keyset.Simple(oid)
		}
	}
	return func(b []byte) (string, bool) {
		value, err := codec.DecodeDatabaseSQLValue(pgtype.NewMap(), 0, pgx.BinaryFormatCode, b)
		text, ok := value.(string)
		return text, ok && err == nil
	}
}

// ownTypes are the types that pgx registers by default. Lookups do not modify
// it.
var ownTypes = pgtype.NewMap()
