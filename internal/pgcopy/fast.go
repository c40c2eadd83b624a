package pgcopy

import (
	"encoding/json"
	"reflect"

	"github.com/jackc/pgx/v5/pgtype"
)

// scalar returns the fast plan for values whose kind alone tells their form,
// or nil.
func scalar(t reflect.Type, codec pgtype.Codec) appendFunc {
	kind := t.Kind()
	switch codec.(type) {
	case pgtype.Int2Codec:
		return integers[kind].int2
	case pgtype.Int4Codec:
		return integers[kind].int4
	case pgtype.Int8Codec:
		return integers[kind].int8
	case pgtype.Float4Codec:
		return floatPlan(kind, appendFloat4[float32], appendFloat4[float64], integers[kind].float4)
	case pgtype.Float8Codec:
		return floatPlan(kind, appendFloat8[float32], appendFloat8[float64], integers[kind].float8)
	case pgtype.NumericCodec:
		return floatPlan(kind, appendFloatNumeric[float32], appendFloatNumeric[float64], integers[kind].numeric)
	case pgtype.BoolCodec:
		return ifKind(kind, reflect.Bool, appendBool)
	case pgtype.UUIDCodec:
		if kind == reflect.Array && t.Len() == 16 && t.Elem().Kind() == reflect.Uint8 {
			return appendUUID
		}
	case pgtype.ByteaCodec:
		return ifBytes(t, appendBytes)
	case pgtype.TextCodec, *pgtype.EnumCodec:
		if kind == reflect.String {
			return appendString
		}
		return ifBytes(t, appendTextBytes)
	case *pgtype.JSONCodec:
		return ifJSONText(t, appendString, appendTextBytes)
	case *pgtype.JSONBCodec:
		return ifJSONText(t, appendJSONBString, appendJSONBBytes)
	case pgtype.IntervalCodec:
		if t == durationType {
			return appendDuration
		}
	}
	return nil
}

func ifKind(have, want reflect.Kind, fn appendFunc) appendFunc {
	if have == want {
		return fn
	}
	return nil
}

// ifBytes returns fn for []byte and types made of it.
func ifBytes(t reflect.Type, fn appendFunc) appendFunc {
	if t.Kind() == reflect.Slice && t.AssignableTo(bytesType) {
		return fn
	}
	return nil
}

// ifJSONText returns the plan for values that are JSON text already. Whatever
// has a MarshalJSON of its own is asked for it instead, save json.RawMessage.
func ifJSONText(t reflect.Type, str, bytes appendFunc) appendFunc {
	if t == reflect.TypeFor[json.RawMessage]() {
		return bytes
	}
	if t.Implements(reflect.TypeFor[json.Marshaler]()) {
		return nil
	}
	if t.Kind() == reflect.String {
		return str
	}
	return ifBytes(t, bytes)
}

func floatPlan(kind reflect.Kind, f32, f64, integer appendFunc) appendFunc {
	switch kind {
	case reflect.Float32:
		return f32
	case reflect.Float64:
		return f64
	}
	return integer
}

// known returns the fast plan for types that are more than their kind, or nil.
func known(t reflect.Type, codec pgtype.Codec) appendFunc {
	if t == timeType {
		return timePlan(codec)
	}
	switch codec.(type) {
	case pgtype.UUIDCodec:
		if uuidPackages[t.PkgPath()] && t.Name() == "UUID" && t.Kind() == reflect.Array && t.Len() == 16 {
			return appendUUID
		}
	case pgtype.InetCodec:
		return addressPlan(t)
	}
	return pgtypePlan(t, codec)
}

// uuidPackages hold a type UUID of 16 bytes whose driver.Valuer gives those
// bytes as text: sending the bytes saves writing and parsing it.
var uuidPackages = map[string]bool{
	"github.com/google/uuid":   true,
	"github.com/gofrs/uuid":    true,
	"github.com/gofrs/uuid/v5": true,
}
