package rowscan

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/rowscan/replay"
)

// read decodes a recording in all ways of reading and checks that they agree.
func read[T any](t *testing.T, rec *replay.Recording) []T {
	t.Helper()
	d := mustNew[T](t)
	all, err := d.All(rec.Rows(nil), 0)
	if err != nil {
		t.Fatal(err)
	}
	each := []T{}
	for v, err := range d.Each(rec.Rows(nil)) {
		if err != nil {
			t.Fatal(err)
		}
		each = append(each, v)
	}
	if !reflect.DeepEqual(all, each) {
		t.Errorf("All gives %v, Each %v", all, each)
	}
	room := slices.Concat(all[:min(1, len(all))], all) // with old rows in place
	slices.Reverse(room)
	appended, err := d.AppendTo(room[:0], rec.Rows(nil), 0)
	if err != nil || !reflect.DeepEqual(append([]T{}, appended...), all) {
		t.Errorf("AppendTo gives %v, %v, All %v", appended, err, all)
	}
	if len(all) == 1 {
		if one, err := d.One(rec.Rows(nil)); err != nil || !reflect.DeepEqual(one, all[0]) {
			t.Errorf("One gives %v, %v, All %v", one, err, all[0])
		}
	}
	return all
}

func expect[T any](t *testing.T, rec *replay.Recording, want ...T) {
	t.Helper()
	if got := read[T](t, rec); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// scanned scans a row itself.
type scanned struct{ text string }

func (s *scanned) ScanRow(rows pgx.Rows) error {
	var id int
	var name string
	if err := rows.Scan(&id, &name); err != nil {
		return err
	}
	s.text = fmt.Sprint(id, name)
	return nil
}

func TestForms(t *testing.T) {
	two := result(t, int4s("id", 1, 2), texts("name", "a", "b"))
	nulls := result(t, texts("t", "a", nil))
	a := "a"
	t.Run("struct", func(t *testing.T) { expect(t, two, city{ID: 1, Name: "a"}, city{ID: 2, Name: "b"}) })
	t.Run("pointer to a struct", func(t *testing.T) { expect(t, two, &city{ID: 1, Name: "a"}, &city{ID: 2, Name: "b"}) })
	t.Run("map", func(t *testing.T) {
		expect(t, two, map[string]any{"id": int32(1), "name": "a"}, map[string]any{"id": int32(2), "name": "b"})
	})
	t.Run("row scanner", func(t *testing.T) { expect(t, two, scanned{"1a"}, scanned{"2b"}) })
	t.Run("pointer to a value", func(t *testing.T) { expect(t, nulls, &a, nil) })
	t.Run("pgtype", func(t *testing.T) { expect(t, nulls, pgtype.Text{String: "a", Valid: true}, pgtype.Text{}) })
	t.Run("any", func(t *testing.T) { expect[any](t, nulls, "a", nil) })
	t.Run("map with NULL", func(t *testing.T) { expect(t, nulls, map[string]any{"t": "a"}, map[string]any{"t": nil}) })
	t.Run("array", func(t *testing.T) {
		expect(t, result(t, col{"x", pgtype.Int4ArrayOID, pgtype.BinaryFormatCode, []any{[]int32{1, 2}, []int32{}, nil}}), []int64{1, 2}, []int64{}, nil)
	})
	t.Run("address", func(t *testing.T) {
		ip := netip.MustParseAddr("10.0.0.1")
		expect(t, result(t, col{"x", pgtype.InetOID, pgtype.BinaryFormatCode, []any{ip}}), ip)
	})
	t.Run("time", func(t *testing.T) {
		at := time.Date(2024, 2, 29, 1, 2, 3, 4000, time.Local)
		expect(t, result(t, col{"x", pgtype.TimestamptzOID, pgtype.BinaryFormatCode, []any{at}}), at)
	})
	t.Run("document in a struct", func(t *testing.T) {
		type row struct {
			ID  int
			Doc document
		}
		expect(t, result(t, int4s("id", 1, 2), col{"doc", pgtype.JSONBOID, pgtype.TextFormatCode, []any{`{"a":1}`, `{"b":"x"}`}}),
			row{1, document{A: 1}}, row{2, document{B: "x"}})
	})
	t.Run("no rows", func(t *testing.T) {
		if got := read[city](t, result(t, int4s("id"), texts("name"))); got == nil {
			t.Error("All gives nil for a result without rows")
		}
		if _, err := mustNew[city](t).One(result(t, int4s("id"), texts("name")).Rows(nil)); err != pgx.ErrNoRows {
			t.Errorf("One of no rows: got %v, want pgx.ErrNoRows", err)
		}
	})
}

// TestNames compares which field takes which column with pgx.RowToStructByName.
func TestNames(t *testing.T) {
	type inner struct {
		City   string
		ZipNum int `db:"zip"`
	}
	type names struct {
		UserID    int
		HTTPPort  int
		Snake_Tag int `db:"Quoted Name,omitempty"`
		Plain     int `db:"a_b"`
		Ignored   int `db:"-"`
		private   int
		inner
	}
	rec := result(t, int4s("user_id", 1), int4s("httpport", 2), int4s("quoted name", 3), int4s("A_B", 4), texts("CITY", "x"), int4s("zip", 6))
	want, err := pgx.CollectRows(rec.Rows(nil), pgx.RowToStructByName[names])
	if err != nil {
		t.Fatal(err)
	}
	expect(t, rec, want...)
	if got, want := mustNew[names](t).Columns(), []string{"user_id", "http_port", "Quoted Name", "a_b", "city", "zip"}; !slices.Equal(got, want) {
		t.Errorf("Columns: got %q, want %q", got, want)
	}
	_ = names{}.private
}

// TestShadowedField fills the field that Go selects, as pgx does, if an
// embedded struct has a field of the same name.
func TestShadowedField(t *testing.T) {
	type shadowing struct {
		city
		ID int64
	}
	expect(t, result(t, int4s("id", 7), texts("name", "x")), shadowing{city{Name: "x"}, 7})
}

// TestEachLeftEarly checks that rows are closed, and that the Decoder works on.
func TestEachLeftEarly(t *testing.T) {
	d := mustNew[person](t)
	rows := people(t).Rows(nil)
	for v, err := range d.Each(rows) {
		if err != nil || v.ID != 1 {
			t.Fatalf("got %v, %v", v, err)
		}
		break
	}
	if rows.RawValues() != nil || rows.Next() {
		t.Error("rows are open after the loop was left")
	}
	expect(t, result(t, int4s("n", 1)), 1)
}

// TestEachKeepsValues checks that a value yielded does not change when the next
// row is read.
func TestEachKeepsValues(t *testing.T) {
	var names []string
	var nicks []*string
	for p, err := range mustNew[person](t).Each(people(t).Rows(nil)) {
		if err != nil {
			t.Fatal(err)
		}
		names, nicks = append(names, p.FullName), append(nicks, p.Alias)
	}
	if !slices.Equal(names, []string{"Ada", "Grace", ""}) || nicks[0] != nil || *nicks[1] != "amazing" || nicks[2] != nil {
		t.Errorf("got %q, %v", names, nicks)
	}
}

// TestByteSlicesAreIndependent appends to one value and modifies another; neither may
// affect its neighbours.
func TestByteSlicesAreIndependent(t *testing.T) {
	got := read[[]byte](t, result(t, col{"b", pgtype.ByteaOID, pgtype.BinaryFormatCode, []any{[]byte("one"), []byte("two"), []byte(""), []byte("three")}}))
	_ = append(got[0], "XXXXXXXX"...)
	got[1][0] = 'T'
	if string(got[1]) != "Two" || got[2] == nil || len(got[2]) != 0 || string(got[3]) != "three" {
		t.Errorf("got %q", got)
	}
}

// TestConcurrentUse decodes by one Decoder in many goroutines, at the first use
// of its plans.
func TestConcurrentUse(t *testing.T) {
	d := mustNew[person](t)
	rec, other := people(t), result(t, int4s("id", 5), texts("full_name", "x"), texts("nick", "y"))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for i := range 200 {
				want, rec := 3, rec
				if i%3 == 0 {
					want, rec = 1, other
				}
				if got, err := d.All(rec.Rows(nil), 0); err != nil || len(got) != want {
					t.Errorf("got %d rows, %v, want %d", len(got), err, want)
					return
				}
			}
		})
	}
	group.Wait()
}

func TestForIsShared(t *testing.T) {
	a, err := For[city]()
	b, err2 := For[city]()
	if err != nil || err2 != nil || a != b {
		t.Errorf("got %p, %v and %p, %v", a, err, b, err2)
	}
	if _, err := For[chan int](); err == nil {
		t.Error("a channel has a Decoder")
	}
}

// TestHugeResultIsForgotten checks that one large result does not make later
// ones allocate its memory.
func TestHugeResultIsForgotten(t *testing.T) {
	d := mustNew[string](t)
	small := result(t, texts("t", "a", "b"))
	values := make([]any, 100_000)
	for i := range values {
		values[i] = "x"
	}
	for _, rec := range []*replay.Recording{small, small, result(t, texts("t", values...)), small} {
		got, err := d.All(rec.Rows(nil), 0)
		if err != nil || len(got) != rec.Len() {
			t.Fatalf("got %d rows, %v", len(got), err)
		}
	}
	if p := (*d.plans.list.Load())[0]; p.rows.guess() > 2 || p.text.guess() > 2 {
		t.Errorf("expects %d rows and %d bytes after one large result", p.rows.guess(), p.text.guess())
	}
}
