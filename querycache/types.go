package querycache

import (
	"context"
	"maps"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/rowscan/replay"
)

// A types lends type maps that contain pgx's own types and those registered on
// the connections of a source. Codecs have state, so one goroutine at a time
// may use a map, while many goroutines decode the same recorded rows.
type types struct {
	byOID map[uint32]*pgtype.Type
	plans []pgtype.TryWrapScanPlanFunc
	maps  sync.Pool // of *pgtype.Map
}

// typesOf holds the types of a source. It only grows, until a connection has
// another codec for a type.
type typesOf struct {
	mu   sync.Mutex // held while now is replaced
	now  atomic.Pointer[types]
	seen sync.Map // the format, an int16, that connections ask for by the oid of a column, for learn
}

// defaults are pgx's own types, for comparison.
var defaults = pgtype.NewMap()

// defaultsMu guards defaults, which caches its lookups.
var defaultsMu sync.Mutex

// of returns the types for decoding rows, which must still be open. It returns
// nil if pgx's own types suffice.
func (ts *typesOf) of(rows pgx.Rows) *types {
	conn := rows.Conn()
	if conn == nil {
		return ts.now.Load()
	}
	return ts.ofMap(conn.TypeMap(), rows.FieldDescriptions())
}

// ofMap returns the types for decoding columns as m does.
func (ts *typesOf) ofMap(m *pgtype.Map, fields []pgconn.FieldDescription) *types {
	for i := range fields {
		if _, ok := ts.seen.Load(fields[i].DataTypeOID); !ok {
			defer ts.see(m, fields)
			break
		}
	}
	if now := ts.now.Load(); now.covers(m, fields) {
		return now
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	next := newTypes(m)
	if now := ts.now.Load(); now != nil {
		maps.Copy(next.byOID, now.byOID)
	}
	eachType(m, fields, func(t *pgtype.Type) bool {
		if !isDefault(t) || next.byOID[t.OID] != nil {
			next.byOID[t.OID] = apart(t)
		}
		return true
	})
	ts.now.Store(next)
	return next
}

// see records that the types of columns are known.
func (ts *typesOf) see(m *pgtype.Map, fields []pgconn.FieldDescription) {
	for i := range fields {
		ts.seen.Store(fields[i].DataTypeOID, m.FormatCodeForOID(fields[i].DataTypeOID))
	}
}

// learn makes sure that the types of columns from another process are known as
// the connections of s have them. It reports whether these connections would
// get the columns in the same formats: those of another process may know other
// types. args are those of the statement.
func (ts *typesOf) learn(ctx context.Context, s *source, fields []pgconn.FieldDescription, args []any) bool {
	formats := formatsOf(s.mode, args)
	for i := range fields {
		f := &fields[i]
		format, ok := ts.seen.Load(f.DataTypeOID)
		if !ok {
			err := s.pg.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
				ts.ofMap(conn.Conn().TypeMap(), fields)
				return nil
			})
			if format, ok = ts.seen.Load(f.DataTypeOID); err != nil || !ok {
				return false
			}
		}
		if want, ok := formats(i, f.DataTypeOID, format.(int16)); !ok || want != f.Format {
			return false
		}
	}
	return true
}

// formatsOf returns the function that returns the format of a column, as pgx
// chooses it by the options among args and by the format that the connection
// prefers. It reports false if that is unknown.
func formatsOf(mode pgx.QueryExecMode, args []any) func(column int, oid uint32, preferred int16) (int16, bool) {
	var given pgx.QueryResultFormats
	var byOID pgx.QueryResultFormatsByOID
	for _, arg := range args {
		switch arg := arg.(type) {
		case pgx.QueryExecMode:
			mode = arg
			continue
		case pgx.QueryResultFormats:
			given = arg
			continue
		case pgx.QueryResultFormatsByOID:
			byOID = arg
			continue
		}
		break
	}
	return func(column int, oid uint32, preferred int16) (int16, bool) {
		described := mode == pgx.QueryExecModeCacheStatement || mode == pgx.QueryExecModeCacheDescribe || mode == pgx.QueryExecModeDescribeExec
		switch format, ok := byOID[oid]; {
		case len(given) == 1:
			return given[0], true
		case column < len(given):
			return given[column], true
		case given != nil || byOID != nil && !described:
			return 0, false
		case ok:
			return format, true
		case described && byOID == nil:
			return preferred, true
		}
		return pgx.TextFormatCode, true
	}
}

func newTypes(m *pgtype.Map) *types {
	t := &types{byOID: make(map[uint32]*pgtype.Type)}
	if len(m.TryWrapScanPlanFuncs) != len(defaults.TryWrapScanPlanFuncs) {
		t.plans = m.TryWrapScanPlanFuncs
	}
	t.maps.New = t.newMap
	return t
}

// newMap returns a map with pgx's own types and those of t.
func (t *types) newMap() any {
	m := pgtype.NewMap()
	for _, one := range t.byOID {
		m.RegisterType(apart(one))
	}
	if t.plans != nil {
		m.TryWrapScanPlanFuncs = t.plans
	}
	return m
}

// covers reports whether t decodes columns as m does.
func (t *types) covers(m *pgtype.Map, fields []pgconn.FieldDescription) bool {
	if t == nil && len(m.TryWrapScanPlanFuncs) != len(defaults.TryWrapScanPlanFuncs) {
		return false
	}
	return eachType(m, fields, func(theirs *pgtype.Type) bool {
		if t != nil && t.byOID[theirs.OID] != nil {
			return sameCodec(t.byOID[theirs.OID].Codec, theirs.Codec)
		}
		return isDefault(theirs)
	})
}

// eachType calls f with the types in m of columns, of their elements and of
// their fields, until f returns false. It reports whether f never returned
// false.
func eachType(m *pgtype.Map, fields []pgconn.FieldDescription, f func(*pgtype.Type) bool) bool {
	var seen map[uint32]bool // composites only, since most results have none
	var visit func(oid uint32) bool
	visit = func(oid uint32) bool {
		t, ok := m.TypeForOID(oid)
		if !ok || seen[oid] {
			return true
		}
		if !f(t) {
			return false
		}
		switch codec := t.Codec.(type) {
		case *pgtype.ArrayCodec:
			return visit(codec.ElementType.OID)
		case *pgtype.RangeCodec:
			return visit(codec.ElementType.OID)
		case *pgtype.MultirangeCodec:
			return visit(codec.ElementType.OID)
		case *pgtype.CompositeCodec:
			if seen == nil {
				seen = make(map[uint32]bool)
			}
			seen[oid] = true
			for _, field := range codec.Fields {
				if !visit(field.Type.OID) {
					return false
				}
			}
		}
		return true
	}
	for i := range fields {
		if !visit(fields[i].DataTypeOID) {
			return false
		}
	}
	return true
}

// isDefault reports whether t has the codec that pgx itself registers.
func isDefault(t *pgtype.Type) bool {
	defaultsMu.Lock()
	defer defaultsMu.Unlock()
	own, ok := defaults.TypeForOID(t.OID)
	return ok && sameCodec(own.Codec, t.Codec)
}

// sameCodec reports whether two codecs decode alike: they have the same type
// and equal settings. The members that an enum codec has seen are not settings.
func sameCodec(a, b pgtype.Codec) bool {
	if reflect.TypeOf(a) != reflect.TypeOf(b) {
		return false
	}
	switch a := a.(type) {
	case *pgtype.EnumCodec:
		return true
	case *pgtype.ArrayCodec:
		return sameCodec(a.ElementType.Codec, b.(*pgtype.ArrayCodec).ElementType.Codec)
	case *pgtype.RangeCodec:
		return sameCodec(a.ElementType.Codec, b.(*pgtype.RangeCodec).ElementType.Codec)
	case *pgtype.MultirangeCodec:
		return sameCodec(a.ElementType.Codec, b.(*pgtype.MultirangeCodec).ElementType.Codec)
	case *pgtype.CompositeCodec:
		return sameFields(a.Fields, b.(*pgtype.CompositeCodec).Fields)
	}
	if reflect.TypeOf(a).Comparable() {
		return a == b
	}
	return reflect.DeepEqual(a, b)
}

// sameFields reports whether two composites have the same fields and codecs.
func sameFields(a, b []pgtype.CompositeCodecField) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Name != b[i].Name || !sameCodec(a[i].Type.Codec, b[i].Type.Codec) {
			return false
		}
	}
	return true
}

// apart returns a copy of t that shares no memory that decoding writes to: enum
// codecs record the members they see. Codecs of other packages are shared, as
// their connections share them.
func apart(t *pgtype.Type) *pgtype.Type {
	if t == nil {
		return nil
	}
	c := *t
	switch codec := t.Codec.(type) {
	case *pgtype.EnumCodec:
		c.Codec = &pgtype.EnumCodec{}
	case *pgtype.ArrayCodec:
		c.Codec = &pgtype.ArrayCodec{ElementType: apart(codec.ElementType)}
	case *pgtype.RangeCodec:
		c.Codec = &pgtype.RangeCodec{ElementType: apart(codec.ElementType)}
	case *pgtype.MultirangeCodec:
		c.Codec = &pgtype.MultirangeCodec{ElementType: apart(codec.ElementType)}
	case *pgtype.CompositeCodec:
		fields := make([]pgtype.CompositeCodecField, len(codec.Fields))
		for i, f := range codec.Fields {
			fields[i] = pgtype.CompositeCodecField{Name: f.Name, Type: apart(f.Type)}
		}
		c.Codec = &pgtype.CompositeCodec{Fields: fields}
	}
	return &c
}

// play returns the rows of a recorded result.
func (w *wireRows) play() pgx.Rows {
	if w.types == nil {
		return w.Rows(nil)
	}
	m := w.types.maps.Get().(*pgtype.Map)
	return &playedRows{Rows: w.Rows(m), types: w.types, lent: m}
}

// Scan implements [pgx.Row].
func (w *wireRows) Scan(dest ...any) error {
	if err := replay.CheckRowTargets(dest); err != nil {
		return err
	}
	if len(dest) == 1 {
		if _, ok := dest[0].(pgx.RowScanner); ok {
			return firstRow{rows: w.play()}.Scan(dest...)
		}
	}
	if w.types == nil {
		return w.ScanFirst(nil, dest...)
	}
	m := w.types.maps.Get().(*pgtype.Map)
	defer w.types.maps.Put(m)
	return w.ScanFirst(m, dest...)
}

// playedRows returns its type map to the pool when it is closed.
type playedRows struct {
	pgx.Rows // embedded: pgx adds methods
	types    *types
	lent     *pgtype.Map
}

// Next moves to the next row. After the last row it closes the rows.
func (r *playedRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

// Close closes the rows. It may be called more than once.
func (r *playedRows) Close() {
	r.Rows.Close()
	if r.lent != nil {
		r.types.maps.Put(r.lent)
		r.lent = nil
	}
}
