package rowscan

import (
	"fmt"
	"math/big"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/jackc/pgx/v5/pgtype"
)

// A tree contains itself in every way a type can.
type tree struct {
	Name     string
	Left     *tree
	Children []tree
	ByName   map[string]*tree
	Any      any
}

// A wide has every kind of reference that a row can contain.
type wide struct {
	ID      int64
	Name    string
	Nick    *string
	Age     *int32
	Tags    []string
	Scores  []int64
	Raw     []byte
	Doc     map[string]any
	Price   pgtype.Numeric
	Address netip.Addr
	At      time.Time
	Left    *time.Time
	Nested  [2]struct{ Words []string }
	Tree    *tree
	hidden  []int
}

func newWide(i int) wide {
	nick, age, left := fmt.Sprint("nick", i), int32(i), time.Unix(int64(i), 0)
	return wide{
		ID: int64(i), Name: fmt.Sprint("name", i), Nick: &nick, Age: &age, Tags: []string{"a", fmt.Sprint(i)}, Scores: []int64{1, 2, int64(i)},
		Raw: []byte{1, 2}, Doc: map[string]any{"k": []any{1.0, "x", map[string]any{}}}, Price: pgtype.Numeric{Int: big.NewInt(int64(i)), Valid: true},
		Address: netip.MustParseAddr("fe80::1%eth0"), At: time.Unix(1, 2), Left: &left,
		Nested: [2]struct{ Words []string }{{[]string{"w"}}, {nil}},
		Tree:   &tree{Name: "t", Left: &tree{}, Children: []tree{{Name: "c"}}, ByName: map[string]*tree{"n": {Name: "n"}}, Any: &tree{Name: "x"}},
		hidden: []int{1},
	}
}

// change modifies everything that can be modified through v without assigning
// to it.
func change(v *wide) {
	*v.Nick, *v.Age, v.Tags[0], v.Scores[0], v.Raw[0] = "changed", -1, "changed", -1, 0xff
	v.Doc["k"].([]any)[2].(map[string]any)["new"] = 1
	v.Doc["new"] = 1
	v.Price.Int.Add(v.Price.Int, big.NewInt(1))
	*v.Left = time.Time{}
	v.Nested[0].Words[0] = "changed"
	v.Tree.Left.Name, v.Tree.Children[0].Name, v.Tree.ByName["n"].Name = "changed", "changed", "changed"
	v.Tree.Any.(*tree).Name = "changed"
	v.hidden[0] = -1
}

func TestClone(t *testing.T) {
	d := mustNew[wide](t)
	kept := func(v []wide) []wide { c, _ := d.Keep(v); return c }
	each := func(v []wide) (c []wide) {
		for i := range v {
			c = append(c, d.CloneOne(v[i]))
		}
		return c
	}
	for name, clone := range map[string]func([]wide) []wide{"Clone": d.Clone, "CloneOne": each, "Keep": kept} {
		rows := []wide{newWide(0), newWide(1), {}}
		copied := clone(rows)
		if !reflect.DeepEqual(copied, rows) {
			t.Fatalf("%s: got %v, want %v", name, copied, rows)
		}
		for i := range copied[:2] {
			change(&copied[i])
		}
		if want := []wide{newWide(0), newWide(1), {}}; !reflect.DeepEqual(rows, want) {
			t.Errorf("%s: changing the copy changed the original:\n got %v\nwant %v", name, rows, want)
		}
	}
	if d.Clone(nil) != nil {
		t.Error("the clone of nil is not nil")
	}
}

func TestFlat(t *testing.T) {
	type flat struct {
		ID   int64
		Name string
		At   time.Time
		Addr netip.Addr
		UUID [16]byte
		Null pgtype.Timestamptz
	}
	if !mustNew[flat](t).Flat() || !mustNew[string](t).Flat() {
		t.Error("a type that refers to nothing but strings is not flat")
	}
	if mustNew[person](t).Flat() || mustNew[[]byte](t).Flat() || mustNew[map[string]any](t).Flat() || mustNew[any](t).Flat() {
		t.Error("a type with pointers, slices, maps or interfaces is flat")
	}
	d, rows := mustNew[flat](t), make([]flat, 100)
	if n := testing.AllocsPerRun(100, func() { d.Clone(rows) }); n != 1 {
		t.Errorf("Clone of a flat type: %v allocations, want 1", n)
	}
	if n := testing.AllocsPerRun(100, func() { d.CloneOne(rows[0]) }); n != 0 {
		t.Errorf("CloneOne of a flat type: %v allocations, want 0", n)
	}
}

// TestKeepOwnsStrings keeps one row out of many: its strings must not share
// memory with the others.
func TestKeepOwnsStrings(t *testing.T) {
	d := mustNew[person](t)
	all, err := d.All(people(t).Rows(nil), 0)
	if err != nil {
		t.Fatal(err)
	}
	kept, _ := d.Keep(all[:2])
	for i := range kept {
		if kept[i].FullName != all[i].FullName || unsafe.StringData(kept[i].FullName) == unsafe.StringData(all[i].FullName) {
			t.Errorf("row %d: kept %q shares the bytes of %q", i, kept[i].FullName, all[i].FullName)
		}
	}
}

func TestAllIsTight(t *testing.T) {
	d := mustNew[string](t)
	for _, n := range []int{0, 1, 31, 32, 33, 1000, 40_000} {
		values := make([]any, n)
		for i := range values {
			values[i] = fmt.Sprint(i)
		}
		rec := result(t, col{"c", pgtype.TextOID, pgtype.TextFormatCode, values})
		for range 3 {
			all, err := d.All(rec.Rows(nil), 0)
			if err != nil || len(all) != n || all == nil {
				t.Fatalf("%d rows: got %d, %v, %v", n, len(all), all == nil, err)
			}
			if !slices.EqualFunc(all, values, func(s string, v any) bool { return s == v }) {
				t.Fatalf("%d rows: wrong values", n)
			}
			if free := cap(all) - len(all); free > cap(all)/8+8 {
				t.Errorf("%d rows: room for %d more", n, free)
			}
		}
	}
}
