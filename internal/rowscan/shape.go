package rowscan

import (
	"database/sql"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// A form is the way a row becomes a value of a Go type.
type form uint8

const (
	byName  form = iota // each column into the struct field of its name
	single              // the one column into the value itself
	asMap               // a map[string]any by column name
	ownScan             // the type scans the row itself: pgx.RowScanner
)

// A shape is everything about decoding rows into a Go type that depends on the
// type alone.
type shape struct {
	typ    reflect.Type // T, or the target type of T if indirect is set
	sample any          // a nil *typ
	form   form
	fields []field // for byName, in the order of pgx's walk
	// indirect reports that T is a pointer to a struct that is filled by name:
	// each row is then a separate struct.
	indirect bool
}

// A field is one struct field that wants a column.
type field struct {
	path   string  // "Address.City", for errors
	column string  // the db tag, or the field's name
	tagged bool    // column is a db tag: an exact match is preferred and underscores count
	depth  int     // embedded structs around it
	offset uintptr // from the start of the outermost struct
	typ    reflect.Type
}

// shapeOf examines typ. It returns an error if no row can be decoded into it.
func shapeOf(typ reflect.Type) (*shape, error) {
	s := &shape{typ: typ, sample: nilPointer(typ)}
	switch {
	case reflect.PointerTo(typ).Implements(reflect.TypeFor[pgx.RowScanner]()):
		s.form = ownScan
	case typ == reflect.TypeFor[map[string]any]():
		s.form = asMap
	case isValue(typ):
		s.form = single
	default:
		if typ.Kind() == reflect.Pointer {
			s.typ, s.sample, s.indirect = typ.Elem(), nilPointer(typ.Elem()), true
		}
		return s, s.addFields(typ)
	}
	return s, keepable(typ, typ, "")
}

// nilPointer returns a nil *typ, from which cell.pointer makes pointers.
func nilPointer(typ reflect.Type) any { return reflect.Zero(reflect.PointerTo(typ)).Interface() }

// addFields collects the fields of the struct type typ, or of its target.
func (s *shape) addFields(typ reflect.Type) error {
	if err := s.walk(s.typ, 0, "", 0); err != nil {
		return err
	}
	for i, f := range s.fields {
		for _, g := range s.fields[i+1:] {
			// pgx fills the later of two fields. If that is the deeper one,
			// v.Name in Go is the earlier one, which would silently stay empty.
			if f.wantsSameAs(g) && g.depth >= f.depth {
				return &TypeError{typ, g.path, "wants the same column as field " + f.path}
			}
		}
	}
	return nil
}

// walk collects the fields of a struct type by the rules of
// pgx.RowToStructByName: embedded structs are part of the struct, other
// embedded types and pointers to structs are fields.
func (s *shape) walk(typ reflect.Type, depth int, path string, offset uintptr) error {
	s.fields = slices.Grow(s.fields, typ.NumField())
	for sf := range typ.Fields() {
		if !sf.IsExported() && !sf.Anonymous {
			continue
		}
		if sf.Anonymous && sf.Type.Kind() == reflect.Struct {
			if err := s.walk(sf.Type, depth+1, path+sf.Name+".", offset+sf.Offset); err != nil {
				return err
			}
			continue
		}
		tag, tagged := sf.Tag.Lookup("db")
		tag, _, _ = strings.Cut(tag, ",")
		if tag == "-" {
			continue
		}
		f := field{path: path + sf.Name, column: sf.Name, tagged: tagged, depth: depth, offset: offset + sf.Offset, typ: sf.Type}
		if tagged {
			f.column = tag
		}
		if !sf.IsExported() {
			return &TypeError{s.typ, f.path, "an embedded type that is not exported cannot be filled"}
		}
		if err := keepable(s.typ, sf.Type, f.path); err != nil {
			return err
		}
		s.fields = append(s.fields, f)
	}
	return nil
}

// keepable rejects types whose values are not valid beyond their row, or that
// cannot be decoded at all.
func keepable(typ, field reflect.Type, path string) error {
	switch field.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return &TypeError{typ, path, "no column can be decoded into " + field.String()}
	}
	if field == reflect.TypeFor[pgtype.DriverBytes]() {
		return &TypeError{typ, path, "pgtype.DriverBytes is valid until the next row only; use []byte"}
	}
	return nil
}

// wantsSameAs reports whether one column name could match both fields.
func (f *field) wantsSameAs(g field) bool {
	if f.tagged && g.tagged {
		return f.column == g.column // tags may distinguish quoted names that differ in case only
	}
	return sameName(f.column, g.column)
}

// find returns the index of the column that the field wants, or -1. The rules
// are pgx's: a tag matches exactly, or else regardless of case; a field's name
// matches regardless of case and underscores.
func (f *field) find(columns []pgconn.FieldDescription) int {
	matches := []func(a, b string) bool{sameName}
	if f.tagged {
		matches = []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold}
	}
	for _, match := range matches {
		for i := range columns {
			if match(columns[i].Name, f.column) {
				return i
			}
		}
	}
	return -1
}

// columnName returns the most likely column name of a field: its tag, or its
// own name in snake case.
func (f *field) columnName() string {
	if f.tagged {
		return f.column
	}
	runes := []rune(f.column)
	var name strings.Builder
	for i, r := range runes {
		upper := unicode.IsUpper(r)
		afterLower := i > 0 && !unicode.IsUpper(runes[i-1]) && runes[i-1] != '_'
		beforeLower := i > 0 && i+1 < len(runes) && runes[i-1] != '_' && unicode.IsLower(runes[i+1])
		if upper && (afterLower || beforeLower) {
			name.WriteByte('_')
		}
		name.WriteRune(unicode.ToLower(r))
	}
	return name.String()
}

// sameName reports whether names are equal except for case and underscores.
func sameName(a, b string) bool {
	a, b = strings.TrimLeft(a, "_"), strings.TrimLeft(b, "_")
	if len(a) > 0 && len(b) > 0 && a[0]|0x20 != b[0]|0x20 && a[0]|b[0] < utf8.RuneSelf {
		return false // most pairs of names differ in their first letter
	}
	return strings.EqualFold(strings.ReplaceAll(a, "_", ""), strings.ReplaceAll(b, "_", ""))
}

// isValue reports whether one column becomes the whole value: for every type
// except structs, and for structs that are scanners of pgx or database/sql, or
// that have no field for a column.
func isValue(typ reflect.Type) bool {
	pointer := typ.Kind() == reflect.Pointer
	if pointer {
		typ = typ.Elem()
	}
	switch {
	case typ.Kind() != reflect.Struct:
		return true
	case typ == reflect.TypeFor[time.Time](), typ == reflect.TypeFor[netip.Addr](), typ == reflect.TypeFor[netip.Prefix](),
		typ == reflect.TypeFor[net.IPNet]():
		return true
	case slices.ContainsFunc(valueInterfaces, reflect.PointerTo(typ).Implements):
		return true
	}
	return false
}

// valueInterfaces are the interfaces of types that scan the value of one
// column.
var valueInterfaces = []reflect.Type{
	reflect.TypeFor[sql.Scanner](),
	reflect.TypeFor[pgtype.ArraySetter](),
	reflect.TypeFor[pgtype.BitsScanner](),
	reflect.TypeFor[pgtype.BoolScanner](),
	reflect.TypeFor[pgtype.BoxScanner](),
	reflect.TypeFor[pgtype.BytesScanner](),
	reflect.TypeFor[pgtype.CircleScanner](),
	reflect.TypeFor[pgtype.CompositeIndexScanner](),
	reflect.TypeFor[pgtype.DateScanner](),
	reflect.TypeFor[pgtype.Float64Scanner](),
	reflect.TypeFor[pgtype.HstoreScanner](),
	reflect.TypeFor[pgtype.NetipPrefixScanner](),
	reflect.TypeFor[pgtype.Int64Scanner](),
	reflect.TypeFor[pgtype.IntervalScanner](),
	reflect.TypeFor[pgtype.LineScanner](),
	reflect.TypeFor[pgtype.LsegScanner](),
	reflect.TypeFor[pgtype.MultirangeSetter](),
	reflect.TypeFor[pgtype.NumericScanner](),
	reflect.TypeFor[pgtype.PathScanner](),
	reflect.TypeFor[pgtype.PointScanner](),
	reflect.TypeFor[pgtype.PolygonScanner](),
	reflect.TypeFor[pgtype.RangeScanner](),
	reflect.TypeFor[pgtype.TextScanner](),
	reflect.TypeFor[pgtype.TIDScanner](),
	reflect.TypeFor[pgtype.TimeScanner](),
	reflect.TypeFor[pgtype.TimestampScanner](),
	reflect.TypeFor[pgtype.TimestamptzScanner](),
	reflect.TypeFor[pgtype.TSVectorScanner](),
	reflect.TypeFor[pgtype.Uint32Scanner](),
	reflect.TypeFor[pgtype.Uint64Scanner](),
	reflect.TypeFor[pgtype.UUIDScanner](),
}
