package rowscan

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/rowscan/replay"
)

// crowd returns n people. Every third has a nick.
func crowd(t testing.TB, n int) (*replay.Recording, []person) {
	t.Helper()
	id := col{name: "id", oid: pgtype.Int8OID, format: pgtype.BinaryFormatCode}
	name, nick := texts("full_name"), texts("nick")
	var want []person
	for i := range n {
		p := person{ID: int64(i), FullName: fmt.Sprint("person ", i)}
		id.values, name.values = append(id.values, p.ID), append(name.values, p.FullName)
		var value any
		if i%3 == 0 {
			text := fmt.Sprint("nick ", i)
			p.Alias, value = &text, text
		}
		nick.values = append(nick.values, value)
		want = append(want, p)
	}
	return result(t, id, name, nick), want
}

// used returns a slice of n people in an array of the given size, whose other
// elements are people too.
func used(n, size int) []person {
	nick := "somebody else"
	people := make([]person, size)
	for i := range people {
		people[i] = person{int64(-i), "somebody", &nick}
	}
	return people[:n]
}

func TestAppendTo(t *testing.T) {
	for _, rows := range []int{1, 31, 200, 5000} {
		rec, people := crowd(t, rows)
		for _, n := range []int{0, 2} {
			for _, room := range []int{0, 1, rows - 1, rows, rows + 1, 2 * rows} {
				d := mustNew[person](t)
				for range 4 { // from the third on there is an expectation
					dst := used(n, n+room)
					before := slices.Clone(dst)
					got, err := d.AppendTo(dst, rec.Rows(nil), rows)
					if err != nil || !reflect.DeepEqual(got, append(before, people...)) {
						t.Fatalf("%d rows to %d with room for %d: %d rows, error %v", rows, n, room, len(got), err)
					}
					if inPlace := n+room > 0 && unsafe.SliceData(got) == unsafe.SliceData(dst); inPlace != (room >= rows) {
						t.Errorf("%d rows to %d with room for %d: in place is %t", rows, n, room, inPlace)
					}
				}
			}
		}
		if got, err := mustNew[person](t).AppendTo(nil, rec.Rows(nil), 0); err != nil || !reflect.DeepEqual(got, people) {
			t.Errorf("%d rows to nil: %d rows, error %v", rows, len(got), err)
		}
	}
}

func TestAppendToNoRows(t *testing.T) {
	rec := result(t, int4s("n"))
	d := mustNew[int](t)
	if got, err := d.AppendTo(nil, rec.Rows(nil), 0); err != nil || got != nil {
		t.Errorf("to nil: %v, %v", got, err)
	}
	if got, err := d.AppendTo([]int{1, 2, 3}[:1], rec.Rows(nil), 0); err != nil || !slices.Equal(got, []int{1}) {
		t.Errorf("to a slice: %v, %v", got, err)
	}
}

// growing is a scanner that adds to what it has.
type growing []string

func (l *growing) Scan(src any) error {
	if src != nil {
		*l = append(*l, fmt.Sprint(src))
	}
	return nil
}

// No old value of the array may show in a row.
func TestAppendToOverwritesAll(t *testing.T) {
	type row struct {
		A     pgtype.Text
		B     sql.NullString
		C     *string
		D     growing
		E     map[string]int
		F     []byte
		G     []int32
		H     any
		Note  string `db:"-"`
		other string
	}
	columns := func(values ...any) *replay.Recording {
		var cols []col
		for i, oid := range []uint32{pgtype.TextOID, pgtype.TextOID, pgtype.TextOID, pgtype.TextOID, pgtype.JSONBOID, pgtype.ByteaOID, pgtype.Int4ArrayOID, pgtype.TextOID} {
			format := int16(pgtype.BinaryFormatCode)
			if oid == pgtype.JSONBOID {
				format = pgtype.TextFormatCode
			}
			cols = append(cols, col{string(rune('a' + i)), oid, format, []any{values[i]}})
		}
		return result(t, cols...)
	}
	d := mustNew[row](t)
	text := "old"
	for _, rec := range []*replay.Recording{
		columns(nil, nil, nil, nil, nil, nil, nil, nil),
		columns("a", "b", "c", "d", `{"x": 1}`, []byte{}, []int32{7}, "h"),
	} {
		want, err := d.All(rec.Rows(nil), 0)
		if err != nil {
			t.Fatal(err)
		}
		old := row{
			pgtype.Text{String: "old", Valid: true}, sql.NullString{String: "old", Valid: true}, &text, growing{"old"}, map[string]int{"old": 1},
			[]byte("old"), []int32{1, 2}, "old", "old", "old",
		}
		got, err := d.AppendTo([]row{old}[:0], rec.Rows(nil), 0)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		if text != "old" || old.E["old"] != 1 || len(old.E) != 1 || string(old.F) != "old" || !slices.Equal(old.G, []int32{1, 2}) || old.D[0] != "old" {
			t.Errorf("what the row referred to was changed: %+v, %s", old, text)
		}
	}
}

// Rows that a program copied from its slice do not change when it reads into
// the slice again.
func TestAppendToLeavesWhatRowsReferTo(t *testing.T) {
	first, want := crowd(t, 100)
	second, _ := crowd(t, 90)
	d := mustNew[person](t)
	rows, err := d.AppendTo(nil, first.Rows(nil), 0)
	if err != nil {
		t.Fatal(err)
	}
	kept := slices.Clone(rows)
	for range 3 {
		if rows, err = d.AppendTo(rows[:0], second.Rows(nil), 0); err != nil || len(rows) != 90 {
			t.Fatal(len(rows), err)
		}
	}
	if !reflect.DeepEqual(kept, want) {
		t.Error("copies of earlier rows have changed")
	}
}

func TestAppendToRowsBehindPointers(t *testing.T) {
	d := mustNew[*person](t)
	rows, err := d.AppendTo(nil, people(t).Rows(nil), 0)
	if err != nil {
		t.Fatal(err)
	}
	ada := rows[0]
	if rows, err = d.AppendTo(rows[:0], people(t).Rows(nil), 0); err != nil || len(rows) != 3 {
		t.Fatal(rows, err)
	}
	if rows[0] == ada || *ada != *rows[0] {
		t.Error("a row is where an earlier one is")
	}
}

func TestAppendToErrors(t *testing.T) {
	bad := result(t,
		col{"id", pgtype.Int8OID, pgtype.BinaryFormatCode, []any{int64(1), nil}},
		texts("full_name", "Ada", "Grace"), texts("nick", nil, nil))
	three := people(t)
	for _, test := range []struct {
		name string
		rec  *replay.Recording
		max  int
		is   func(error) bool
	}{
		{"a row", bad, 0, func(err error) bool { _, ok := errors.AsType[*ColumnError](err); return ok }},
		{"too many rows", three, 2, func(err error) bool { return errors.Is(err, pgx.ErrTooManyRows) }},
		{"columns", result(t, int4s("x", 1)), 0, func(err error) bool { _, ok := errors.AsType[*MismatchError](err); return ok }},
	} {
		for _, room := range []int{0, 1, 8} {
			dst := used(2, 2+room)
			before := slices.Clone(dst)
			got, err := mustNew[person](t).AppendTo(dst, test.rec.Rows(nil), test.max)
			if !test.is(err) {
				t.Errorf("%s: error %v", test.name, err)
			}
			if len(got) != 2 || cap(got) != cap(dst) || unsafe.SliceData(got) != unsafe.SliceData(dst) || !reflect.DeepEqual(got, before) {
				t.Errorf("%s: returned %d rows, want dst as it was", test.name, len(got))
			}
		}
	}
	// The rows that dst has do not count.
	if got, err := mustNew[person](t).AppendTo(used(2, 9), three.Rows(nil), 3); err != nil || len(got) != 5 {
		t.Errorf("%d rows, error %v", len(got), err)
	}
}

func TestAppendClone(t *testing.T) {
	d := mustNew[person](t)
	nick := "Amazing"
	kept := []person{{1, strings.Clone("Grace"), &nick}}
	dst := used(1, 4)
	got := d.AppendClone(dst, kept)
	if unsafe.SliceData(got) != unsafe.SliceData(dst) || !reflect.DeepEqual(got, append(used(1, 1), kept...)) {
		t.Errorf("got %v", got)
	}
	*got[1].Alias = "changed"
	if nick != "Amazing" {
		t.Error("the copy shares a pointer")
	}
	if got := mustNew[int](t).AppendClone([]int{1}, []int{2, 3}); !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("got %v", got)
	}
}
