package db

import (
	"fmt"
	"reflect"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/catalog"
)

// checkArgs checks the arguments of WithParams.
func (c *checking) checkArgs(s *checked, formatted bool) (problems []error) {
	params := s.found.ParamOIDs
	if len(s.args) != len(params) {
		return []error{fmt.Errorf("WithParams has %d arguments, want %d", len(s.args), len(params))}
	}
	for i, arg := range s.args {
		if formatted && !encodes(c.conn.TypeMap(), params[i], arg) {
			problems = append(problems, fmt.Errorf("parameter $%d (%s): cannot encode %T", i+1, c.typeName(params[i]), arg))
		}
	}
	return problems
}

// encodes reports whether pgx encodes values of arg's type as a parameter's
// type: in the type's own format or, as it does for types with a String method,
// in text. The text of a time fits no other type.
func encodes(types *pgtype.Map, oid uint32, arg any) bool {
	if arg == nil || types.PlanEncode(oid, types.FormatCodeForOID(oid), arg) != nil {
		return true
	}
	return types.PlanEncode(oid, pgtype.TextFormatCode, arg) != nil && !ofTime(reflect.TypeOf(arg))
}

// ofTime reports whether a type, or that of the elements, is one of package
// time.
func ofTime(typ reflect.Type) bool {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Array {
		typ = typ.Elem()
	}
	return typ.PkgPath() == "time"
}

// argNulls says which arguments may be NULL, by their types.
func argNulls(types *pgtype.Map, params []uint32, args []any) []catalog.ArgNulls {
	list := make([]catalog.ArgNulls, min(len(params), len(args)))
	for i := range list {
		list[i] = argNull(types, params[i], args[i])
	}
	return list
}

// argNull encodes the zero value of the argument's type: a type that can hold
// NULL holds it there.
func argNull(types *pgtype.Map, oid uint32, arg any) catalog.ArgNulls {
	if arg == nil {
		return catalog.ArgUnknown
	}
	zero := reflect.Zero(reflect.TypeOf(arg)).Interface()
	for _, format := range [...]int16{types.FormatCodeForOID(oid), pgtype.TextFormatCode} {
		buf, err := encodeZero(types, oid, format, zero)
		switch {
		case err != nil:
		case buf == nil:
			return catalog.ArgMaybeNull
		default:
			return catalog.ArgNeverNull
		}
	}
	return catalog.ArgUnknown
}

// encodeZero encodes a zero value. A Valuer of the program's may not expect it.
func encodeZero(types *pgtype.Map, oid uint32, format int16, zero any) (buf []byte, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("encode %T: panic", zero)
		}
	}()
	return types.Encode(oid, format, zero, []byte{})
}
