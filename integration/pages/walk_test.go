package pages_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/headrace/headrace/db"
)

// A column of the table that orders are drawn from. It has few values, so that
// there are ties, and some NULLs.
type column struct {
	name, typ, value string
	nullable         bool
}

var columns = []column{
	{"a", "int", "(random() * 3)::int", true},
	{"b", "text", "chr(97 + (random() * 2)::int)", true},
	{"c", "numeric", "round(random()::numeric, 1)", false},
	{"d", "timestamptz", "timestamptz '2026-01-01 00:00+00' + (random() * 5)::int * interval '1 us'", true},
	{"e", "int", "(random() * 40)::int", false},
}

// TestWalk draws orders and compares their pages, both ways, with one sorted
// read of all rows, with index scans and without.
func TestWalk(t *testing.T) {
	t.Parallel()
	var defs, values []string
	for _, c := range columns {
		def, value := c.name+" "+c.typ, c.value
		if c.nullable {
			value = "CASE WHEN random() < 0.3 THEN NULL ELSE " + value + " END"
		} else {
			def += " NOT NULL"
		}
		defs, values = append(defs, def), append(values, value)
	}
	pg := open(t, "CREATE TABLE items (id int PRIMARY KEY, "+strings.Join(defs, ", ")+")",
		"INSERT INTO items SELECT i, "+strings.Join(values, ", ")+" FROM generate_series(1, 400) i")

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for i := range 60 {
		keys, orderBy := drawOrder(rnd)
		t.Run(fmt.Sprintf("%d %s", i, orderBy), func(t *testing.T) {
			conn, err := pg.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Release()
			setup := "SET enable_seqscan = on"
			if i%2 == 0 {
				setup = "CREATE INDEX ON items (" + orderBy + "); SET enable_seqscan = off"
			}
			if _, err := conn.Exec(t.Context(), setup); err != nil {
				t.Fatal(err)
			}
			want, err := db.All[int](t.Context(), conn, db.SQL("SELECT id FROM items ORDER BY "+orderBy))
			if err != nil {
				t.Fatal(err)
			}
			ids := db.MustCompile[map[string]any]("SELECT * FROM items")
			p := db.Pager{Keys: keys}
			by := func(limit int) fetch[int] {
				return func(ctx context.Context, at db.Cursor) (db.Page[int], error) {
					got, err := ids.Page(ctx, conn, p, at, limit)
					return numbers(got), err
				}
			}
			limit := 1 + rnd.IntN(60)
			page := by(limit)
			if got := forward(t, page); !slices.Equal(got, want) {
				t.Errorf("forward by %d: %s", limit, difference(got, want))
			}
			if got := backward(t, page); !slices.Equal(got, want) {
				t.Errorf("backward by %d: %s", limit, difference(got, want))
			}
			wander(t, by, want, rnd)
		})
	}
}

// wander moves forward and back at random, by pages of any size, and compares
// each page with the rows at its position.
func wander(t *testing.T, by func(limit int) fetch[int], want []int, rnd *rand.Rand) {
	t.Helper()
	var at db.Cursor
	from, back := 0, false
	for range 30 {
		limit := 1 + rnd.IntN(60)
		first, end := from, min(from+limit, len(want))
		if back {
			first, end = max(from-limit, 0), from
		}
		page, err := by(limit)(t.Context(), at)
		if err != nil {
			t.Fatalf("rows %d to %d: %v", first, end, err)
		}
		if !slices.Equal(page.Items, want[first:end]) {
			t.Errorf("rows %d to %d, back: %t: %s", first, end, back, difference(page.Items, want[first:end]))
		}
		if (page.Prev != "") != (first > 0) || (page.Next != "") != (end < len(want)) {
			t.Errorf("rows %d to %d of %d: a way back: %t, a way on: %t", first, end, len(want), page.Prev != "", page.Next != "")
		}
		switch ways := rnd.IntN(10); {
		case ways == 0:
			at, from, back = "", 0, false
		case ways == 1:
			at, from, back = db.LastPage, len(want), true
		case page.Next != "" && (ways%2 == 0 || page.Prev == ""):
			at, from, back = page.Next, end, false
		default:
			at, from, back = page.Prev, first, true
		}
	}
}

// drawOrder draws some columns and ends with the primary key.
func drawOrder(rnd *rand.Rand) (keys []db.Order, orderBy string) {
	var words []string
	for _, i := range rnd.Perm(len(columns))[:rnd.IntN(4)] {
		c := columns[i]
		key, word := drawDirection(rnd, c.name)
		switch {
		case c.nullable && rnd.IntN(2) == 0:
			key = key.Nullable()
		case !c.nullable && rnd.IntN(2) == 0:
			key = key.NotNull()
		}
		keys, words = append(keys, key), append(words, word)
	}
	key, word := drawDirection(rnd, "id")
	return append(keys, key), strings.Join(append(words, word), ", ")
}

func drawDirection(rnd *rand.Rand, name string) (db.Order, string) {
	key, word := db.Asc(name), name
	if rnd.IntN(2) == 0 {
		key, word = db.Desc(name), name+" DESC"
	}
	switch rnd.IntN(3) {
	case 0:
		return key.NullsFirst(), word + " NULLS FIRST"
	case 1:
		return key.NullsLast(), word + " NULLS LAST"
	default:
		return key, word
	}
}

func numbers(p db.Page[map[string]any]) db.Page[int] {
	out := db.Page[int]{Next: p.Next, Prev: p.Prev}
	for _, row := range p.Items {
		out.Items = append(out.Items, int(row["id"].(int32)))
	}
	return out
}

func difference(got, want []int) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("row %d is %d, want %d (%d rows, want %d)", i, got[i], want[i], len(got), len(want))
		}
	}
	return fmt.Sprintf("%d rows, want %d", len(got), len(want))
}
