package pgxrows

import (
	"errors"
	"reflect"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/sqltext"
)

// ScanPlans caches pgx's scan plans for the rows that QueryRow reads on one
// connection, by statement. pgx makes them for each result, which takes longer
// than scanning one row. Programs scan the rows of a statement into the same
// types each time.
type ScanPlans map[*sqltext.Statement]*rowPlan

// A rowPlan holds the plans for the rows of one statement.
type rowPlan struct {
	columns []columnPlan
	wraps   int // number of scan wrappers in the type map
}

// A columnPlan is the plan for one column, and the values that it is valid for.
type columnPlan struct {
	plan   pgtype.ScanPlan // nil if there is none, or it must not be cached
	typ    *pgtype.Type    // the registered type
	target reflect.Type
	oid    uint32
	format int16
}

// Bounds of the cached statements per connection, and of the columns of their
// rows.
const (
	maxStatements = 64
	maxColumns    = 64
)

// of returns the plans for st, which are empty at first.
func (k *ScanPlans) of(st *sqltext.Statement) *rowPlan {
	if kept := (*k)[st]; kept != nil {
		return kept
	}
	if *k == nil || len(*k) >= maxStatements {
		*k = make(ScanPlans)
	}
	kept := new(rowPlan)
	(*k)[st] = kept
	return kept
}

// Scan scans the current row of rows, which are rows of st, as rows.Scan does.
// st may be nil, for an unknown statement.
func (k *ScanPlans) Scan(st *sqltext.Statement, rows pgx.Rows, dest []any) error {
	if st == nil || len(dest) == 1 && isRowScanner(dest[0]) {
		return rows.Scan(dest...)
	}
	return k.of(st).scan(rows, dest)
}

func (k *rowPlan) scan(rows pgx.Rows, dest []any) error {
	fields, values, types := rows.FieldDescriptions(), rows.RawValues(), rows.TypeMap()
	if len(dest) != len(fields) || len(dest) != len(values) || len(dest) > maxColumns {
		return rows.Scan(dest...)
	}
	if len(k.columns) != len(dest) || k.wraps != len(types.TryWrapScanPlanFuncs) {
		k.columns, k.wraps = make([]columnPlan, len(dest)), len(types.TryWrapScanPlanFuncs)
	}
	registered := typesOf{types: types}
	for i, target := range dest {
		if target == nil {
			continue // skip the column
		}
		if err := k.columns[i].planFor(&registered, &fields[i], target).Scan(values[i], target); err != nil {
			return rows.Scan(failedScan{pgx.ScanArgError{ColumnIndex: i, FieldName: fields[i].Name, Err: err}})
		}
	}
	return nil
}

// A typesOf looks up the types of one row's columns, most of which have the
// type of another column. The program may register a type again between rows.
type typesOf struct {
	types  *pgtype.Map
	recent [4]struct {
		oid uint32
		typ *pgtype.Type
	}
	next int
}

// of returns the registered type of an OID, or nil.
func (t *typesOf) of(oid uint32) *pgtype.Type {
	for i := range t.recent {
		if t.recent[i].oid == oid && t.recent[i].typ != nil {
			return t.recent[i].typ
		}
	}
	typ, ok := t.types.TypeForOID(oid)
	if !ok {
		return nil
	}
	r := &t.recent[t.next%len(t.recent)]
	r.oid, r.typ = oid, typ
	t.next++
	return typ
}

// planFor returns the plan for a column into target.
func (c *columnPlan) planFor(types *typesOf, f *pgconn.FieldDescription, target any) pgtype.ScanPlan {
	typ := types.of(f.DataTypeOID)
	into := reflect.TypeOf(target)
	if c.plan != nil && c.target == into && c.typ == typ && c.oid == f.DataTypeOID && c.format == f.Format {
		return c.plan
	}
	plan := types.types.PlanScan(f.DataTypeOID, f.Format, target)
	*c = columnPlan{}
	if typ != nil && isIndependent(typ.Codec) {
		*c = columnPlan{plan, typ, into, f.DataTypeOID, f.Format}
	}
	return plan
}

// isIndependent reports whether plans of the codec depend on no other type,
// which the program may register again.
func isIndependent(codec pgtype.Codec) bool {
	switch codec.(type) {
	case pgtype.BoolCodec, pgtype.ByteaCodec, pgtype.DateCodec, *pgtype.EnumCodec, pgtype.Float4Codec, pgtype.Float8Codec,
		pgtype.Int2Codec, pgtype.Int4Codec, pgtype.Int8Codec, pgtype.NumericCodec, pgtype.TextCodec,
		*pgtype.TimestampCodec, *pgtype.TimestamptzCodec, pgtype.UUIDCodec:
		return true
	}
	return false
}

func isRowScanner(target any) bool {
	_, ok := target.(pgx.RowScanner)
	return ok
}

// A failedScan passes an error to pgx as the error of a scan, which closes the
// rows and reaches tracers.
type failedScan struct{ err error }

// ScanRow returns the error; see [pgx.RowScanner].
func (f failedScan) ScanRow(pgx.Rows) error { return f.err }

// CheckRowTargets rejects targets that would alias row memory after Scan, with
// pgx's message.
func CheckRowTargets(dest []any) error {
	for _, target := range dest {
		if _, ok := target.(*pgtype.DriverBytes); ok {
			return errors.New("cannot scan into *pgtype.DriverBytes from QueryRow")
		}
	}
	return nil
}
