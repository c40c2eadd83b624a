package rowscan

import (
	"database/sql"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// A run is the state of decoding one result: the plan, the type map that pgx's
// scan plans need, and the memory that values are cut from. It is used by one
// goroutine at a time.
type run struct {
	plan      *plan
	columns   []column // the plan's, or own if a program's scan wrappers replace some of our decoders
	own       []column
	typeMap   *pgtype.Map
	lent      bool              // typeMap is from maps
	scans     []pgtype.ScanPlan // pgx's plans by column, made when first needed
	blocks    []block           // by column, for targets of pointers
	locations []*time.Location  // by column, if the plan is located
	slab      slab
	row       int64
	expected  int // rows, 0 if unknown
}

// maps pools type maps for rows without one. A map is not safe for concurrent
// use: codecs cache values in it.
var maps = sync.Pool{New: func() any { return pgtype.NewMap() }}

// bind prepares the run for a result with these columns.
func (r *run) bind(s *shape, ps *plans, columns []pgconn.FieldDescription, typeMap *pgtype.Map) (err error) {
	if r.typeMap = typeMap; typeMap == nil {
		r.typeMap, r.lent = maps.Get().(*pgtype.Map), true
	}
	if r.plan, err = ps.get(s, columns, r.typeMap); err != nil {
		return err
	}
	r.columns = r.plan.columns
	if len(r.typeMap.TryWrapScanPlanFuncs) != defaultWraps {
		r.respectWrappers()
	}
	if n := len(r.columns); cap(r.scans) < n {
		r.scans, r.blocks = make([]pgtype.ScanPlan, n), make([]block, n)
	} else {
		r.scans, r.blocks = r.scans[:n], r.blocks[:n]
	}
	if r.plan.located {
		r.locate()
	}
	return nil
}

// locate sets the locations of the columns that have one on this connection.
func (r *run) locate() {
	r.locations = append(r.locations[:0], make([]*time.Location, len(r.columns))...)
	for i := range r.columns {
		if r.columns[i].codec.located {
			r.locations[i] = locationOf(r.typeMap, r.columns[i].oid)
		}
	}
}

// expect allocates for as many rows as earlier results had, and at most max if
// that is not 0.
func (r *run) expect(max int) {
	r.expected = r.plan.rows.guess()
	if max > 0 {
		r.expected = min(r.expected, max)
	}
	r.slab.expected = r.plan.text.guess()
}

// expectOne allocates for one row with known values.
func (r *run) expectOne(values [][]byte) {
	r.expected = 1
	for i := range min(len(values), len(r.columns)) {
		if r.columns[i].text {
			r.slab.expected += len(values[i])
		}
	}
}

// respectWrappers leaves columns to pgx if the program's scan wrappers change
// what pgx does with them.
func (r *run) respectWrappers() {
	for _, w := range r.plan.wraps {
		if !changesPlan(r.typeMap, w.typ) {
			continue
		}
		if &r.columns[0] == &r.plan.columns[0] {
			r.own = append(r.own[:0], r.plan.columns...)
			r.columns = r.own
		}
		r.columns[w.column].decode = leave
	}
}

// changesPlan reports whether the first wrapper that accepts targets of type
// typ is not pgx's own.
func changesPlan(typeMap *pgtype.Map, typ reflect.Type) bool {
	target := reflect.New(typ).Interface()
	for _, wrap := range typeMap.TryWrapScanPlanFuncs {
		if plan, _, ok := wrap(target); ok {
			of := reflect.TypeOf(plan)
			if of.Kind() == reflect.Pointer {
				of = of.Elem()
			}
			return of.PkgPath() != reflect.TypeFor[pgtype.Map]().PkgPath()
		}
	}
	return false
}

// release drops everything that belongs to the result or its connection.
func (r *run) release() {
	clear(r.scans)
	clear(r.blocks)
	clear(r.own)
	clear(r.locations)
	if r.lent {
		maps.Put(r.typeMap)
	}
	*r = run{scans: r.scans[:0], blocks: r.blocks[:0], own: r.own[:0], locations: r.locations[:0]}
}

// decodeRow decodes the current row of rows into dst, whose type is the
// Decoder's.
func (r *run) decodeRow(rows pgx.Rows, dst cell) error {
	r.row++
	switch r.plan.shape.form {
	case asMap:
		return r.decodeMap(rows.RawValues(), dst)
	case ownScan:
		return rows.Scan(dst.pointer(r.plan.shape.sample))
	}
	if r.plan.shape.indirect {
		row := newCell(r.plan.shape.typ)
		dst.point(row)
		dst = row
	}
	return r.decode(rows.RawValues(), dst)
}

// decode decodes the columns of a row into the fields of dst.
func (r *run) decode(values [][]byte, dst cell) error {
	if len(values) != len(r.columns) {
		return fmt.Errorf("row %d has %d values, its description %d columns", r.row, len(values), len(r.columns))
	}
	for i := range values {
		c := &r.columns[i]
		field := dst.add(c.offset)
		if c.decode(r, c, field, values[i]) {
			continue
		}
		if err := r.scan(c, field, values[i]); err != nil {
			return newColumnError(c, r.typeMap, r.row, err)
		}
	}
	return nil
}

// decodeMap decodes a row into a new map.
func (r *run) decodeMap(values [][]byte, dst cell) error {
	if len(values) != len(r.columns) {
		return fmt.Errorf("row %d has %d values, its description %d columns", r.row, len(values), len(r.columns))
	}
	m := make(map[string]any, len(values))
	for i := range values {
		c := &r.columns[i]
		var value any
		if values[i] != nil {
			if err := r.scan(c, cellOf(&value), values[i]); err != nil {
				return newColumnError(c, r.typeMap, r.row, err)
			}
		}
		m[c.name] = value
	}
	*at[map[string]any](dst) = m
	return nil
}

// scan decodes a value by pgx's own plan: for types without a decoder, and for
// values that a decoder rejects, for which pgx returns the error.
func (r *run) scan(c *column, dst cell, src []byte) error {
	target := dst.pointer(c.sample)
	scan := r.scans[c.index]
	if scan == nil {
		scan = r.typeMap.PlanScan(c.oid, c.format, target)
		r.scans[c.index] = scan
	}
	switch {
	case src == nil && reflect.TypeOf(scan) == noPlan && !holdsNull(c.typ):
		// pgx would try the plans of all types in random order: some fail, some
		// leave a zero value.
		return scan.Scan([]byte{}, target)
	case c.guarded:
		return guard(scan, src, target)
	default:
		return scan.Scan(src, target)
	}
}

// holdsNull reports whether a type has a value for NULL that all plans of pgx
// agree on, whatever the type of the NULL.
func holdsNull(typ reflect.Type) bool {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice:
		return true
	}
	return reflect.PointerTo(typ).Implements(reflect.TypeFor[sql.Scanner]())
}

// guard scans into a type that holds a multirange. pgx takes it for a composite
// because of its methods, requests elements that do not exist, and panics.
func guard(scan pgtype.ScanPlan, src []byte, target any) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("cannot scan into %T: %v", target, reason)
		}
	}()
	return scan.Scan(src, target)
}

// holdsMultirange reports whether pgx can set typ from a multirange, or whether
// typ is a pointer to such a type or a list of it.
func holdsMultirange(typ reflect.Type) bool {
	for {
		if reflect.PointerTo(typ).Implements(reflect.TypeFor[pgtype.MultirangeSetter]()) {
			return true
		}
		switch typ.Kind() {
		case reflect.Array, reflect.Pointer, reflect.Slice:
			typ = typ.Elem()
		default:
			return false
		}
	}
}

func newColumnError(c *column, typeMap *pgtype.Map, row int64, err error) error {
	server := fmt.Sprintf("OID %d", c.oid)
	if t, ok := typeMap.TypeForOID(c.oid); ok {
		server = t.Name
	}
	return &ColumnError{Column: c.name, Field: c.path, GoType: c.typ.String(), ServerType: server, Row: row, Err: err}
}
