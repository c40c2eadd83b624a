package rowscan

import (
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/rowscan/replay"
)

func int4s(name string, values ...any) col {
	return col{name, pgtype.Int4OID, pgtype.BinaryFormatCode, values}
}

func texts(name string, values ...any) col {
	return col{name, pgtype.TextOID, pgtype.TextFormatCode, values}
}

// all decodes a recording into T and returns the error.
func all[T any](t *testing.T, rec *replay.Recording) error {
	t.Helper()
	_, err := mustNew[T](t).All(rec.Rows(nil), 0)
	return err
}

type city struct {
	ID   int32
	Name string
	Geo  struct{ Lat float64 } `db:"-"`
}

type embedding struct {
	city
	Country string
}

type tagged struct {
	city
	Right string `db:"wrong"`
}

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"missing column", all[city](t, result(t, int4s("id", 1))),
			`rows into rowscan.city: result has no column "name" for field Name`},
		{"missing columns of tags and of embedded structs", all[tagged](t, result(t, int4s("x", 1))),
			`rows into rowscan.tagged: result has no column "id" for field city.ID, "name" for field city.Name, "wrong" for field Right; ` +
				`type has no field for column "x"; a struct takes columns by name: for the column as a whole use a field, or a type that scans it`},
		{"extra column", all[city](t, result(t, int4s("id", 1), texts("name", "x"), texts("zip", "y"))),
			`rows into rowscan.city: type has no field for column "zip"`},
		{"duplicate column", all[city](t, result(t, int4s("id", 1), texts("name", "x"), int4s("id", 2))),
			`rows into rowscan.city: result has more than one column "id"`},
		{"all three", all[city](t, result(t, int4s("id", 1), int4s("id", 2), texts("zip", "y"))),
			`rows into rowscan.city: result has no column "name" for field Name; type has no field for column "zip"; result has more than one column "id"`},
		{"duplicate column into a map", all[map[string]any](t, result(t, int4s("id", 1), int4s("id", 2))),
			`rows into map[string]interface {}: result has more than one column "id"`},
		{"two columns into a value", all[int](t, result(t, int4s("id", 1), int4s("n", 2))),
			`rows into int: want one column, got 2`},
		{"NULL into a plain field", all[city](t, result(t, int4s("id", 1, 2), texts("name", "x", nil))),
			`column "name" (text) of row 2 into field Name (string): cannot scan NULL into *string`},
		{"NULL into a field of an embedded struct", all[embedding](t, result(t, int4s("id", nil), texts("name", "x"), texts("country", "y"))),
			`column "id" (int4) of row 1 into field city.ID (int32): cannot scan NULL into *int32`},
		{"NULL into a plain value", all[int64](t, result(t, int4s("n", nil))),
			`column "n" (int4) of row 1 into int64: cannot scan NULL into *int64`},
		{"too large", all[int8](t, result(t, int4s("n", 1, 300))),
			`column "n" (int4) of row 2 into int8: 300 is greater than maximum value for int8`},
		{"wrong type", all[bool](t, result(t, int4s("n", 1))),
			`column "n" (int4) of row 1 into bool: cannot scan int4 (OID 23) in binary format into *bool`},
		{"type that is not registered", all[bool](t, result2("n", 90_001, []byte("x"))),
			`column "n" (OID 90001) of row 1 into bool: unknown boolean string representation "x"`},
		{"no columns", all[city](t, replay.NewRecorder(nil, 0).Finish(pgconn.NewCommandTag("UPDATE 3"))),
			`statement returns no columns (is a RETURNING clause missing?)`},
	} {
		if test.err == nil || test.err.Error() != test.want {
			t.Errorf("%s:\n got %v\nwant %s", test.name, test.err, test.want)
		}
	}
}

// result2 is a result of one value whose type need not be registered.
func result2(name string, oid uint32, value []byte) *replay.Recording {
	rec := replay.NewRecorder([]pgconn.FieldDescription{{Name: name, DataTypeOID: oid}}, 0)
	if err := rec.Add([][]byte{value}); err != nil {
		panic(err)
	}
	return rec.Finish(pgconn.NewCommandTag("SELECT 1"))
}

func TestErrorFields(t *testing.T) {
	err := all[city](t, result(t, int4s("id", 1), texts("name", nil)))
	var column *ColumnError
	if !errors.As(err, &column) {
		t.Fatalf("got %T, want a *ColumnError", err)
	}
	column.Err = nil
	if want := (&ColumnError{Column: "name", Field: "Name", GoType: "string", ServerType: "text", Row: 1}); !reflect.DeepEqual(column, want) { //nolint:govet // its Err was taken out
		t.Errorf("got %+v, want %+v", column, want)
	}
	var mismatch *MismatchError
	if err := all[city](t, result(t, texts("x", "y"))); !errors.As(err, &mismatch) ||
		!reflect.DeepEqual(mismatch, &MismatchError{GoType: "rowscan.city", Missing: []MissingColumn{{"id", "ID"}, {"name", "Name"}}, Extra: []string{"x"}, single: true}) {
		t.Errorf("got %+v", err)
	}
}

type unexported string

func TestTypeErrors(t *testing.T) {
	type deeper struct {
		ID int
		city
	}
	for _, test := range []struct {
		err  error
		want string
	}{
		{newError[chan int](), "rows into chan int: no column can be decoded into chan int"},
		{newError[struct{ F func() }](), "rows into struct { F func() }: field F: no column can be decoded into func()"},
		{newError[pgtype.DriverBytes](), "rows into pgtype.DriverBytes: pgtype.DriverBytes is valid until the next row only; use []byte"},
		{newError[struct {
			A int `db:"x"`
			X string
		}](), "rows into struct { A int \"db:\\\"x\\\"\"; X string }: field X: wants the same column as field A"},
		{newError[deeper](), "rows into rowscan.deeper: field city.ID: wants the same column as field ID"},
		{newError[struct{ unexported }](), "rows into struct { rowscan.unexported }: field unexported: an embedded type that is not exported cannot be filled"},
	} {
		var typeErr *TypeError
		if !errors.As(test.err, &typeErr) || test.err.Error() != test.want {
			t.Errorf("\n got %v\nwant %s", test.err, test.want)
		}
	}
}

func newError[T any]() error {
	_, err := New[T]()
	return err
}

func TestCheck(t *testing.T) {
	columns := func(oids ...uint32) []pgconn.FieldDescription {
		return []pgconn.FieldDescription{{Name: "id", DataTypeOID: oids[0], Format: 1}, {Name: "name", DataTypeOID: oids[1]}}
	}
	d := mustNew[city](t)
	if err := d.Check(columns(pgtype.Int4OID, pgtype.TextOID), nil, nil); err != nil {
		t.Errorf("columns that fit: %v", err)
	}
	const want = `column "id" (bytea) into field ID (int32): cannot scan bytea (OID 17) in binary format into *int32`
	if err := d.Check(columns(pgtype.ByteaOID, pgtype.TextOID), nil, nil); err == nil || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
	var mismatch *MismatchError
	if err := d.Check(nil, nil, nil); !errors.As(err, &mismatch) {
		t.Errorf("no columns: got %v, want a MismatchError", err)
	}
}

// TestServersError checks that an error of the server's reaches the caller as
// it is, before and after rows.
func TestServersError(t *testing.T) {
	failure := &pgconn.PgError{Code: "22012", Message: "division by zero"}
	d := mustNew[city](t)
	for name, rows := range map[string]func() pgx.Rows{
		"before the columns": func() pgx.Rows { return &failing{Rows: new(replay.Recording).Rows(nil), err: failure} },
		"after the rows": func() pgx.Rows {
			return &failing{Rows: result(t, int4s("id", 1), texts("name", "x")).Rows(nil), err: failure}
		},
	} {
		_, allErr := d.All(rows(), 0)
		_, oneErr := d.One(rows())
		var eachErr error
		for _, err := range d.Each(rows()) {
			eachErr = err
		}
		for _, err := range []error{allErr, oneErr, eachErr} {
			if err != failure {
				t.Errorf("%s: got %v, want the server's error", name, err)
			}
		}
	}
}

// failing are rows at whose end the server reports an error.
type failing struct {
	pgx.Rows
	err error
}

func (f *failing) Err() error { return f.err }

// A NULL of a type that does not fit the Go type becomes nil if the type has
// nil, and always the same error otherwise: pgx tries the plans of all types in
// random order.
func TestNullOfAnotherType(t *testing.T) {
	type pair struct{ A, B int }
	for _, test := range []struct {
		typ reflect.Type
		oid uint32
		err string
	}{
		{reflect.TypeFor[netip.Addr](), pgtype.Int4OID, "cannot scan int4 (OID 23) in binary format into *netip.Addr"},
		{reflect.TypeFor[pair](), pgtype.Int4OID, "cannot scan int4 (OID 23) in binary format into *rowscan.pair"},
		{reflect.TypeFor[big.Int](), pgtype.UUIDOID, "cannot scan uuid (OID 2950) in binary format into *big.Int"},
		{reflect.TypeFor[time.Time](), pgtype.Int4OID, "cannot scan int4 (OID 23) in binary format into *time.Time"},
		{reflect.TypeFor[pgtype.Range[pgtype.Int4]](), pgtype.Int4OID, "cannot scan int4 (OID 23) in binary format into *pgtype.Range[github.com/jackc/pgx/v5/pgtype.Int4]"},
		{reflect.TypeFor[*netip.Addr](), pgtype.Int4OID, ""},
		{reflect.TypeFor[*time.Time](), pgtype.Int4OID, ""},
		{reflect.TypeFor[[]time.Time](), pgtype.Int4OID, ""},
		{reflect.TypeFor[map[string]any](), pgtype.Int4OID, ""},
		{reflect.TypeFor[sql.NullTime](), pgtype.Int4OID, ""},
		{reflect.TypeFor[pgtype.Point](), pgtype.Int4OID, ""},
	} {
		for range 200 {
			got, err := scanOurs(pgtype.NewMap(), test.oid, pgtype.BinaryFormatCode, nil, test.typ)
			if text := fmt.Sprint(err); (err != nil || test.err != "") && text != test.err || !reflect.ValueOf(got).IsZero() {
				t.Errorf("NULL of OID %d into %v: got %v, %v, want error %q", test.oid, test.typ, got, err, test.err)
				break
			}
		}
	}
}

// Scanning a composite into a multirange is an error: pgx confuses the two and
// panics.
func TestCompositeIntoMultirange(t *testing.T) {
	m := pgtype.NewMap()
	number, _ := m.TypeForOID(pgtype.Int4OID)
	m.RegisterType(&pgtype.Type{Name: "pair", OID: 90_002, Codec: &pgtype.CompositeCodec{Fields: []pgtype.CompositeCodecField{{Name: "a", Type: number}, {Name: "b", Type: number}}}})
	for format, value := range map[int16]string{
		pgtype.TextFormatCode:   "(1,2)",
		pgtype.BinaryFormatCode: "\x00\x00\x00\x02\x00\x00\x00\x17\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00\x17\x00\x00\x00\x04\x00\x00\x00\x02",
	} {
		for _, typ := range []reflect.Type{
			reflect.TypeFor[pgtype.Multirange[pgtype.Range[pgtype.Int4]]](), reflect.TypeFor[*pgtype.Multirange[pgtype.Range[pgtype.Int4]]](),
		} {
			_, err := scanOurs(m, 90_002, format, []byte(value), typ)
			if err == nil || !strings.Contains(err.Error(), "cannot scan into *") {
				t.Errorf("format %d into %v: err = %v", format, typ, err)
			}
		}
	}
}
