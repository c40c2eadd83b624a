package pgcopy

import (
	"database/sql/driver"
	"reflect"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// A planner finds the appendFunc for a Go type and a server type.
type planner struct {
	m       *pgtype.Map
	generic bool // a plan that depends on m was given out
}

// plan prefers a fast plan, which exists only where it gives pgx's bytes.
func (p *planner) plan(t reflect.Type, c Column) (appendFunc, error) {
	switch {
	case c.Labels != nil:
		return p.enum(t, c)
	case c.Text:
		p.generic = true
		return textual(p.m, t, c.OID)
	}
	typ, ok := p.m.TypeForOID(c.OID)
	if !ok {
		return nil, errUnknownType
	}
	if fn := p.fast(t, typ); fn != nil {
		return fn, nil
	}
	p.generic = true
	return generic(p.m, t, c.OID)
}

// fast returns nil where t has no fast plan for typ.
func (p *planner) fast(t reflect.Type, typ *pgtype.Type) appendFunc {
	if t.Kind() == reflect.Interface || p.wrappedByUser(t) {
		return nil
	}
	if fn := known(t, typ.Codec); fn != nil {
		return fn
	}
	if inner, valid, ok := nullStruct(t); ok && !isJSON(typ.Codec) {
		if fn := p.fast(inner.Type, typ); fn != nil {
			return nullable(fn, inner.Offset, valid.Offset)
		}
		return nil
	}
	if hasOwnEncoding(t) {
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		if fn := p.fast(t.Elem(), typ); fn != nil {
			return dereference(fn)
		}
		return nil
	case reflect.Slice:
		if array, ok := typ.Codec.(*pgtype.ArrayCodec); ok {
			return p.array(t, array)
		}
	}
	return scalar(t, typ.Codec)
}

// array appends a slice as an array of one dimension.
func (p *planner) array(t reflect.Type, codec *pgtype.ArrayCodec) appendFunc {
	if t.Elem().Kind() == reflect.Slice && t.Elem() != bytesType {
		return nil // more than one dimension
	}
	fn := p.fast(t.Elem(), codec.ElementType)
	if fn == nil {
		return nil
	}
	return arrayOf(fn, t.Elem().Size(), codec.ElementType.OID)
}

// enum sends a label as its text. pgx does not know enum types that were not
// registered; the server's input function takes the label's bytes.
func (p *planner) enum(t reflect.Type, c Column) (appendFunc, error) {
	text := &pgtype.Type{Name: "text", OID: pgtype.TextOID, Codec: pgtype.TextCodec{}}
	fn := p.fast(t, text)
	if fn == nil {
		p.generic = true
		var err error
		if fn, err = generic(p.m, t, pgtype.TextOID); err != nil {
			return nil, err
		}
	}
	return labelled(fn, slices.Clone(c.Labels)), nil
}

// ours are the wrappers that a new map has.
var ours = wrapperPointers(pgtype.NewMap())

func wrapperPointers(m *pgtype.Map) map[uintptr]bool {
	known := make(map[uintptr]bool)
	for _, f := range m.TryWrapEncodePlanFuncs {
		known[reflect.ValueOf(f).Pointer()] = true
	}
	return known
}

// wrappedByUser says whether a wrapper that a program added to the map (as
// pgx-shopspring-decimal does) wants values of type t: then only pgx knows
// their form.
func (p *planner) wrappedByUser(t reflect.Type) bool {
	for _, f := range p.m.TryWrapEncodePlanFuncs {
		if ours[reflect.ValueOf(f).Pointer()] {
			continue
		}
		if _, _, wants := f(reflect.Zero(t).Interface()); wants {
			return true
		}
	}
	return false
}

var (
	bytesType    = reflect.TypeFor[[]byte]()
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()

	ownEncodings = []reflect.Type{
		reflect.TypeFor[driver.Valuer](),
		reflect.TypeFor[pgtype.SkipUnderlyingTypePlanner](),
		reflect.TypeFor[pgtype.BoolValuer](),
		reflect.TypeFor[pgtype.BytesValuer](),
		reflect.TypeFor[pgtype.DateValuer](),
		reflect.TypeFor[pgtype.Float64Valuer](),
		reflect.TypeFor[pgtype.Int64Valuer](),
		reflect.TypeFor[pgtype.IntervalValuer](),
		reflect.TypeFor[pgtype.NetipPrefixValuer](),
		reflect.TypeFor[pgtype.NumericValuer](),
		reflect.TypeFor[pgtype.TextValuer](),
		reflect.TypeFor[pgtype.TimeValuer](),
		reflect.TypeFor[pgtype.TimestampValuer](),
		reflect.TypeFor[pgtype.TimestamptzValuer](),
		reflect.TypeFor[pgtype.UUIDValuer](),
		reflect.TypeFor[pgtype.ArrayGetter](),
	}
)

// hasOwnEncoding says whether values of t bring methods that pgx asks for
// their form, so that the bytes of the underlying type are not the answer.
func hasOwnEncoding(t reflect.Type) bool {
	return slices.ContainsFunc(ownEncodings, t.Implements)
}

// nullStruct recognises database/sql's Null types: a value and Valid.
func nullStruct(t reflect.Type) (value, valid reflect.StructField, ok bool) {
	if t.PkgPath() != "database/sql" || t.Kind() != reflect.Struct || t.NumField() != 2 {
		return value, valid, false
	}
	value, valid = t.Field(0), t.Field(1)
	return value, valid, valid.Name == "Valid" && valid.Type.Kind() == reflect.Bool
}

func isJSON(codec pgtype.Codec) bool {
	switch codec.(type) {
	case *pgtype.JSONCodec, *pgtype.JSONBCodec:
		return true
	}
	return false
}
