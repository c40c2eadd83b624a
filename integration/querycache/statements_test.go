package querycache_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// Statements counts every lookup under its statement, and contains no constant.
func TestStatements(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	aside, err := querycache.NewAside(b.cache, querycache.AsideOptions[int, string]{Name: "Names", Policy: minute,
		Load: func(context.Context, int) (string, error) { return "one", nil }})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		for range 3 { // the first read of a text like many others is not stored
			if _, err := db.One[string](t.Context(), b.reads, db.SQL(fmt.Sprintf("SELECT name || 'canary%d' FROM cities WHERE id = 1", i))); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 2 {
		if _, err := longName.One(t.Context(), b.reads, 1); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := aside.Get(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	all := b.cache.Statements()
	var total, answered uint64
	found := make(map[string]querycache.StatementStats)
	for _, s := range all {
		total += s.Total()
		answered += s.Answered()
		found[s.Name+"|"+s.Text] = s
		if strings.Contains(fmt.Sprint(s), "canary") {
			t.Errorf("a constant is in %+v", s)
		}
	}
	stats := b.cache.Stats()
	if total != stats.Total() || answered != stats.Answered() || total == 0 {
		t.Errorf("%d lookups, %d answered; want those of Stats: %d, %d", total, answered, stats.Total(), stats.Answered())
	}
	for key, want := range map[string][2]uint64{
		"|select name || ? from cities where id = ?": {9, 6},
		"Long|select name from cities where id = ?":  {2, 1},
		"Names|": {1, 0},
	} {
		if got := found[key]; got.Total() != want[0] || got.Answered() != want[1] {
			t.Errorf("%q: %d lookups, %d answered, want %v; all: %+v", key, got.Total(), got.Answered(), want, all)
		}
	}
}
