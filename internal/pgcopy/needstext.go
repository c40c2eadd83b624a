package pgcopy

import (
	"database/sql"
	"reflect"

	"github.com/jackc/pgx/v5/pgtype"
)

// NeedsText reports whether values of the Go type t reach the column in their
// text form only: its type is unknown to m, or has no binary form, or t is text
// for which pgx has no parser, or one that takes anything.
func NeedsText(m *pgtype.Map, t reflect.Type, c Column) bool {
	if c.Labels != nil {
		return false
	}
	typ, known := m.TypeForOID(c.OID)
	return !known || needsText(m, t, typ)
}

func needsText(m *pgtype.Map, t reflect.Type, typ *pgtype.Type) bool {
	array, isArray := typ.Codec.(*pgtype.ArrayCodec)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case isTextOnly(typ.Codec):
		return true
	case isArray && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array):
		several := multidimensional(m, t, typ.OID)
		for t != bytesType && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
			t = t.Elem()
		}
		return needsText(m, t, array.ElementType) || several && isText(t) && parsed(array.ElementType.Codec)
	case isArray && isTextOnly(array.ElementType.Codec):
		return true
	case !isText(t) || parsed(typ.Codec):
		return false
	}
	fast := (&planner{m: m}).fast(t, typ)
	return fast == nil && m.PlanEncode(typ.OID, pgtype.BinaryFormatCode, reflect.Zero(t).Interface()) == nil
}

func isTextOnly(codec pgtype.Codec) bool {
	_, textOnly := codec.(*pgtype.TextFormatOnlyCodec)
	return textOnly
}

// isText reports whether values of t are text, or NULL.
func isText(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[sql.NullString](), reflect.TypeFor[sql.Null[string]](), reflect.TypeFor[pgtype.Text]():
		return true
	}
	return t.Kind() == reflect.String && !hasOwnEncoding(t)
}

// parsed reports whether text is parsed here into values of the codec.
func parsed(codec pgtype.Codec) bool {
	switch codec.(type) {
	case pgtype.BoolCodec, pgtype.ByteaCodec, pgtype.Int2Codec, pgtype.Int4Codec, pgtype.Int8Codec,
		pgtype.Float4Codec, pgtype.Float8Codec, pgtype.NumericCodec, pgtype.UUIDCodec,
		pgtype.DateCodec, pgtype.TimeCodec, *pgtype.TimestampCodec, *pgtype.TimestamptzCodec, pgtype.IntervalCodec,
		pgtype.InetCodec, pgtype.MacaddrCodec, pgtype.Uint32Codec, pgtype.Uint64Codec:
		return true
	}
	return false
}
