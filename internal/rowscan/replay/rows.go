package replay

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// Rows plays the recording from its start. The rows behave like those of a
// connection, but have none.
//
// typeMap decodes the values for Scan and Values. Other goroutines must not use
// it until the rows are closed, since codecs cache values in it. nil stands for
// one of pgx's default maps, which is borrowed when first needed.
func (r *Recording) Rows(typeMap *pgtype.Map) pgx.Rows {
	return &rows{rec: r, typeMap: typeMap, values: make([][]byte, len(r.fields))}
}

// ScanFirst scans the first row into dest, as the Scan of a pgx.Row does.
// typeMap is as for [Recording.Rows]. It allocates nothing beyond decoding.
func (r *Recording) ScanFirst(typeMap *pgtype.Map, dest ...any) error {
	if r.rows == 0 {
		return pgx.ErrNoRows
	}
	if typeMap == nil {
		typeMap = maps.Get().(*pgtype.Map)
		defer maps.Put(typeMap)
	}
	lent := firsts.Get().(*[][]byte)
	defer firsts.Put(lent)
	values := slices.Grow((*lent)[:0], len(r.fields))[:len(r.fields)]
	*lent = values
	defer clear(values)
	r.row(0, 0, values)
	for i := range min(len(dest), len(values)) {
		if keepsBytes(dest[i]) {
			values[i] = bytes.Clone(values[i])
		}
	}
	return pgx.ScanRow(typeMap, r.fields, values, dest...)
}

// firsts pools memory for the values of a row.
var firsts = sync.Pool{New: func() any { return new([][]byte) }}

// rows implements pgx.Rows. It embeds the interface so that methods which pgx
// adds do not break the build; they panic until they are written here, and a
// test counts them.
type rows struct {
	pgx.Rows
	rec    *Recording
	next   int
	at     uint32 // start of row next in the recording's data
	values [][]byte
	closed bool
	err    error

	typeMap   *pgtype.Map
	lent      bool // typeMap is from maps
	scanPlans []pgtype.ScanPlan
	scanTypes []reflect.Type
}

var maps = sync.Pool{New: func() any { return pgtype.NewMap() }}

func (r *rows) Next() bool {
	if r.closed || r.next >= r.rec.rows {
		r.Close()
		return false
	}
	r.at = r.rec.row(r.next, r.at, r.values)
	r.next++
	return true
}

func (r *rows) Close() {
	if r.closed {
		return
	}
	r.closed = true
	r.values, r.scanPlans, r.scanTypes = nil, nil, nil
	if r.lent {
		maps.Put(r.typeMap)
		r.typeMap, r.lent = nil, false
	}
}

func (r *rows) Err() error { return r.err }

func (r *rows) Conn() *pgx.Conn { return nil }

func (r *rows) FieldDescriptions() []pgconn.FieldDescription { return r.rec.fields }

func (r *rows) RawValues() [][]byte { return r.values }

func (r *rows) CommandTag() pgconn.CommandTag {
	if !r.closed || r.err != nil {
		return pgconn.CommandTag{}
	}
	return r.rec.tag
}

func (r *rows) TypeMap() *pgtype.Map {
	if r.typeMap == nil && !r.closed {
		r.typeMap, r.lent = maps.Get().(*pgtype.Map), true
	}
	return r.typeMap
}

// fail closes the rows with an error, as the rows of a connection do.
func (r *rows) fail(err error) error {
	if r.err == nil {
		r.err = err
		r.Close()
	}
	return err
}

func (r *rows) Scan(dest ...any) error {
	if r.closed || r.next == 0 {
		return errors.New("scan without a row: Next has not returned true")
	}
	if len(dest) == 1 {
		if scanner, ok := dest[0].(pgx.RowScanner); ok {
			if err := scanner.ScanRow(r); err != nil {
				return r.fail(err)
			}
			return nil
		}
	}
	if len(dest) != len(r.values) {
		return r.fail(fmt.Errorf("number of field descriptions must equal number of destinations, got %d and %d", len(r.values), len(dest)))
	}
	for i, d := range dest {
		if d == nil {
			continue
		}
		if err := r.scan(i, d); err != nil {
			return r.fail(pgx.ScanArgError{ColumnIndex: i, FieldName: r.rec.fields[i].Name, Err: err})
		}
	}
	return nil
}

// scan decodes column i into dest with a plan that is cached for each type of
// dest.
func (r *rows) scan(i int, dest any) error {
	if r.scanPlans == nil {
		r.scanPlans, r.scanTypes = make([]pgtype.ScanPlan, len(r.values)), make([]reflect.Type, len(r.values))
	}
	if t := reflect.TypeOf(dest); r.scanTypes[i] != t {
		f := &r.rec.fields[i]
		r.scanPlans[i], r.scanTypes[i] = r.TypeMap().PlanScan(f.DataTypeOID, f.Format, dest), t
	}
	if keepsBytes(dest) {
		return r.scanPlans[i].Scan(bytes.Clone(r.values[i]), dest)
	}
	return r.scanPlans[i].Scan(r.values[i], dest)
}

func (r *rows) Values() ([]any, error) {
	if r.closed {
		return nil, errors.New("rows is closed")
	}
	values := make([]any, len(r.values))
	for i, value := range r.values {
		if value == nil {
			continue
		}
		if err := r.scan(i, &values[i]); err != nil {
			return nil, r.fail(err)
		}
	}
	return values, nil
}
