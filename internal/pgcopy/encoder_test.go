package pgcopy

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// narrow and wide are the shapes of the benchmarks.
type narrow struct {
	ID    int64
	Name  string
	Score float64
	At    time.Time
}

var narrowColumns = []Column{
	{Name: "id", OID: pgtype.Int8OID, Type: "bigint", NotNull: true},
	{Name: "name", OID: pgtype.TextOID, Type: "text"},
	{Name: "score", OID: pgtype.Float8OID, Type: "double precision"},
	{Name: "at", OID: pgtype.TimestamptzOID, Type: "timestamp with time zone"},
}

func narrowRows(n int) []narrow {
	rows := make([]narrow, n)
	for i := range rows {
		rows[i] = narrow{int64(i), "name " + strings.Repeat("x", i%20), float64(i) / 3, time.Unix(int64(i), 0).UTC()}
	}
	return rows
}

func compile[T any](t testing.TB, columns []Column) *Encoder[T] {
	t.Helper()
	fields, err := Fields(reflect.TypeFor[T]())
	if err != nil {
		t.Fatal(err)
	}
	e, err := Compile[T](pgtype.NewMap(), columns, fields)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestFields(t *testing.T) {
	type Address struct{ Street, Town string }
	type row struct {
		ID      int64 `db:"the_id"`
		Address `db:"ignored as pgx does"`
		HomeURL string
		Skipped int `db:"-"`
		hidden  int
		Option  bool `db:"opt,omitempty"`
	}
	fields, err := Fields(reflect.TypeFor[row]())
	if err != nil {
		t.Fatal(err)
	}
	_ = row{hidden: 1}
	for i, want := range []struct{ name, column, other string }{
		{"ID", "THE_ID", "id"}, {"Address.Street", "street", "st"}, {"Address.Town", "TOWN", "t"},
		{"HomeURL", "home_url", "home"}, {"Option", "opt", "o_pt"},
	} {
		if f := fields[i]; f.Name != want.name || !f.Matches(want.column) || f.Matches(want.other) {
			t.Errorf("field %d: %+v, want %+v", i, f, want)
		}
	}
	if len(fields) != 5 {
		t.Errorf("%d fields", len(fields))
	}
	for _, bad := range []reflect.Type{reflect.TypeFor[int](), reflect.TypeFor[struct{}](), reflect.TypeFor[struct{ *Address }]()} {
		if _, err := Fields(bad); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}

func TestCompileNamesTheFieldWithoutAWay(t *testing.T) {
	type row struct{ When map[int]int }
	fields, _ := Fields(reflect.TypeFor[row]())
	_, err := Compile[row](pgtype.NewMap(), []Column{{Name: "w", OID: pgtype.PointOID, Type: "point"}}, fields)
	if err == nil || !strings.Contains(err.Error(), `column "w": field When (map[int]int) into point`) {
		t.Error(err)
	}
	_, err = Compile[row](pgtype.NewMap(), []Column{{Name: "w", OID: 99_999, Type: "mood"}}, fields)
	if !errors.Is(err, errUnknownType) {
		t.Error(err)
	}
}

func TestRowErrors(t *testing.T) {
	type row struct {
		N int64
		S *string
		E string
	}
	columns := []Column{
		{Name: "n", OID: pgtype.Int2OID, Type: "smallint"},
		{Name: "s", OID: pgtype.TextOID, Type: "text", NotNull: true},
		{Name: "e", OID: 99_999, Type: "mood", Labels: []string{"happy", "sad"}},
	}
	e := compile[row](t, columns)
	if !e.Portable() {
		t.Error("an encoder of plain types is not portable")
	}
	ok := new("s")
	for _, c := range []struct {
		row  row
		want string
	}{
		{row{N: 40_000, S: ok, E: "sad"}, `column "n": field N (int64) into smallint: 40000 is out of the range of int2`},
		{row{N: -40_000, S: ok, E: "sad"}, `-40000 is out of the range`},
		{row{S: nil, E: "sad"}, `column "s": field S (*string) into text: NULL in a column that is NOT NULL`},
		{row{S: new("a\x00b"), E: "sad"}, `NUL byte`},
		{row{S: new("a\xff"), E: "sad"}, `not valid UTF-8`},
		{row{S: ok, E: "angry"}, `"angry" is not a label of this enum (happy, sad)`},
	} {
		given := []byte("given")
		buf, err := e.Append(given, &c.row)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %s", c.row, err, c.want)
		}
		if string(buf) != "given" {
			t.Errorf("buffer after an error: %q", buf)
		}
	}
	if _, err := e.Append(nil, &row{S: ok, E: "happy"}); err != nil {
		t.Error(err)
	}
}

func TestTimesTheServerCannotHold(t *testing.T) {
	for _, year := range []int{-4714, 294_277, 300_000} {
		type row struct{ T time.Time }
		for _, oid := range []uint32{pgtype.TimestamptzOID, pgtype.TimestampOID} {
			e := compile[row](t, []Column{{Name: "t", OID: oid, Type: "t"}})
			if _, err := e.Append(nil, &row{time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)}); !errors.Is(err, errTime) {
				t.Errorf("year %d: %v", year, err)
			}
			if _, err := e.Append(nil, &row{time.Date(294_276, 12, 31, 23, 59, 59, 0, time.UTC)}); err != nil {
				t.Error(err)
			}
		}
	}
}

// A wrapper that a program registered decides about its type, whatever its
// kind.
func TestWrappersOfPrograms(t *testing.T) {
	type cents int64
	type row struct{ C cents }
	m := pgtype.NewMap()
	m.TryWrapEncodePlanFuncs = append([]pgtype.TryWrapEncodePlanFunc{func(v any) (pgtype.WrappedEncodePlanNextSetter, any, bool) {
		c, ok := v.(cents)
		return &negate{}, int64(c), ok
	}}, m.TryWrapEncodePlanFuncs...)
	fields, _ := Fields(reflect.TypeFor[row]())
	e, err := Compile[row](m, []Column{{Name: "c", OID: pgtype.Int8OID, Type: "bigint"}}, fields)
	if err != nil {
		t.Fatal(err)
	}
	buf, err := e.Append(nil, &row{5})
	if err != nil || buf[len(buf)-1] != 0xfb {
		t.Errorf("%x, %v: the wrapper was not asked", buf, err)
	}
	if e.Portable() {
		t.Error("an encoder that needs its map says it is portable")
	}
}

type negate struct{ next pgtype.EncodePlan }

func (n *negate) SetNext(next pgtype.EncodePlan) { n.next = next }
func (n *negate) Encode(v any, buf []byte) ([]byte, error) {
	return n.next.Encode(-reflect.ValueOf(v).Int(), buf)
}

func TestNoAllocationPerRow(t *testing.T) {
	type row struct {
		A int16
		B string
		C float64
		D time.Time
		E [16]byte
		F pgtype.Date
		G []string
		H *int32
		I bool
		J float64
		K pgtype.Int8
		L []byte
	}
	oids := []uint32{
		pgtype.Int2OID, pgtype.TextOID, pgtype.Float8OID, pgtype.TimestampOID, pgtype.UUIDOID, pgtype.DateOID, pgtype.TextArrayOID,
		pgtype.Int4OID, pgtype.BoolOID, pgtype.NumericOID, pgtype.Int8OID, pgtype.JSONBOID,
	}
	var columns []Column
	for i, oid := range oids {
		columns = append(columns, Column{Name: string(rune('a' + i)), OID: oid, Type: "t"})
	}
	e := compile[row](t, columns)
	r := &row{B: "text", J: 1234.5, G: []string{"x", "y"}, H: new(int32), D: time.Now(), F: pgtype.Date{Time: time.Now(), Valid: true}, L: []byte("{}")}
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := e.Append(buf, r); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per row", n)
	}
}

// Texts of each length up to five words, with each byte at each place.
func TestCopyPlain(t *testing.T) {
	for n := range 41 {
		plain := strings.Repeat("x", n)
		to := make([]byte, n)
		if !copyPlain(to, plain) || string(to) != plain {
			t.Errorf("%d plain bytes: copied %q", n, to)
		}
		for at := range n {
			for c := range 256 {
				s := plain[:at] + string([]byte{byte(c)}) + plain[at+1:]
				if got, want := copyPlain(to, s), c > 0 && c < 0x80; got != want || string(to) != s {
					t.Errorf("%d bytes, %#x at %d: plain %v, copied %q", n, c, at, got, to)
				}
			}
		}
	}
}
