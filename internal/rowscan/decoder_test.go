package rowscan

import (
	"errors"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/rowscan/replay"
)

// A col is one column of a result made for a test: a type and the values of its
// rows.
type col struct {
	name   string
	oid    uint32
	format int16
	values []any
}

// result encodes columns as the server would send them.
func result(t testing.TB, columns ...col) *replay.Recording {
	t.Helper()
	m := pgtype.NewMap()
	var fields []pgconn.FieldDescription
	for _, c := range columns {
		fields = append(fields, pgconn.FieldDescription{Name: c.name, DataTypeOID: c.oid, Format: c.format})
	}
	rec := replay.NewRecorder(fields, 0)
	for row := range len(columns[0].values) {
		raw := make([][]byte, len(columns))
		for i, c := range columns {
			if c.values[row] == nil {
				continue
			}
			value, err := m.Encode(c.oid, c.format, c.values[row], []byte{})
			if err != nil {
				t.Fatalf("encode %v for column %s: %v", c.values[row], c.name, err)
			}
			raw[i] = value
		}
		if err := rec.Add(raw); err != nil {
			t.Fatal(err)
		}
	}
	return rec.Finish(pgconn.NewCommandTag("SELECT"))
}

func people(t testing.TB) *replay.Recording {
	return result(t,
		col{"id", pgtype.Int8OID, pgtype.BinaryFormatCode, []any{int64(1), int64(2), int64(3)}},
		col{"full_name", pgtype.TextOID, pgtype.TextFormatCode, []any{"Ada", "Grace", ""}},
		col{"nick", pgtype.VarcharOID, pgtype.TextFormatCode, []any{nil, "amazing", nil}},
	)
}

type person struct {
	ID       int64
	FullName string
	Alias    *string `db:"nick"`
}

func mustNew[T any](t testing.TB) *Decoder[T] {
	t.Helper()
	d, err := New[T]()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAll(t *testing.T) {
	amazing := "amazing"
	want := []person{{1, "Ada", nil}, {2, "Grace", &amazing}, {3, "", nil}}
	d := mustNew[person](t)
	for range 3 { // the third has an expectation of sizes
		got, err := d.All(people(t).Rows(nil), 0)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(got, want, func(a, b person) bool {
			return a.ID == b.ID && a.FullName == b.FullName && (a.Alias == b.Alias || *a.Alias == *b.Alias)
		}) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func TestOne(t *testing.T) {
	d := mustNew[person](t)
	if _, err := d.One(people(t).Rows(nil)); !errors.Is(err, pgx.ErrTooManyRows) {
		t.Errorf("three rows: got %v, want ErrTooManyRows", err)
	}
}

func TestMaxRows(t *testing.T) {
	d := mustNew[person](t)
	if _, err := d.All(people(t).Rows(nil), 3); err != nil {
		t.Errorf("three rows of at most three: %v", err)
	}
	var tooMany *TooManyRowsError
	if _, err := d.All(people(t).Rows(nil), 2); !errors.As(err, &tooMany) || !errors.Is(err, pgx.ErrTooManyRows) {
		t.Errorf("three rows of at most two: got %v, want a TooManyRowsError", err)
	}
}

func TestColumns(t *testing.T) {
	if got, want := mustNew[person](t).Columns(), []string{"id", "full_name", "nick"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
