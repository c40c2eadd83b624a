package db

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/cacheapi"
)

// A storedReader is a cacheapi.TypedReader that serves every read with its
// value, or loads if it has none.
type storedReader struct {
	value  any
	shared bool
	loads  int
	last   cacheapi.Read
	source *DB
}

func (k *storedReader) Cached(_ context.Context, r *cacheapi.Read) (any, bool, bool) {
	k.last = *r
	return k.value, k.shared, k.value != nil
}

func (k *storedReader) Load(ctx context.Context, r *cacheapi.Read, load cacheapi.LoadFunc) (any, bool, error) {
	k.loads++
	value, _, err := load(ctx, k)
	return value, k.shared, err
}

func (k *storedReader) Source() cacheapi.Querier { return k.source }

func (k *storedReader) Query(context.Context, string, ...any) (pgx.Rows, error) {
	return nil, errNoServer
}

var errNoServer = errors.New("no server")

type cachedCity struct {
	ID   int64
	Name string
}

func TestCachedReadsDoNotAllocate(t *testing.T) {
	k := &storedReader{shared: true, source: newDB(Options{})}
	byID := MustCompile[cachedCity]("SELECT id, name FROM cities WHERE id = $1 AND name <> $2")
	all := MustCompile[cachedCity]("SELECT id, name FROM cities WHERE id > $1")
	ctx := t.Context()
	id, name := int64(1<<40), "Ulm"

	k.value = &cachedCity{1, "Ulm"}
	if n := testing.AllocsPerRun(100, func() {
		if city, err := byID.One(ctx, k, id, name); err != nil || city.Name != "Ulm" {
			t.Fatal(city, err)
		}
	}); n != 0 {
		t.Errorf("One allocates %v times", n)
	}
	k.value = []cachedCity{{1, "Ulm"}, {2, "Köln"}}
	if n := testing.AllocsPerRun(100, func() {
		if cities, err := all.All(ctx, k, id); err != nil || len(cities) != 2 {
			t.Fatal(cities, err)
		}
	}); n != 0 {
		t.Errorf("All allocates %v times", n)
	}
	k.shared = false
	if n := testing.AllocsPerRun(100, func() {
		if cities, err := all.All(ctx, k, id); err != nil || len(cities) != 2 {
			t.Fatal(cities, err)
		}
	}); n != 1 {
		t.Errorf("All with a copy allocates %v times, want once: the slice", n)
	}
	dst := make([]cachedCity, 0, 2)
	if n := testing.AllocsPerRun(100, func() {
		if cities, err := all.AppendTo(ctx, k, dst, id); err != nil || len(cities) != 2 || &cities[0] != &dst[:1][0] {
			t.Fatal(cities, err)
		}
	}); n != 0 {
		t.Errorf("AppendTo allocates %v times", n)
	}
}

func TestCachedValuesAreCopied(t *testing.T) {
	cached := []cachedCity{{1, "Ulm"}}
	k := &storedReader{value: cached, source: newDB(Options{})}
	got, err := MustCompile[cachedCity]("SELECT id, name FROM cities").All(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	got[0].Name = "changed"
	if cached[0].Name != "Ulm" {
		t.Error("a caller changed the stored value")
	}
}

func TestAppendToCopiesCachedValues(t *testing.T) {
	ctx := t.Context()
	nick := "Spatz"
	type nicked struct{ Nick *string }
	cached := []nicked{{&nick}, {nil}}
	k := &storedReader{value: cached, source: newDB(Options{})}
	stmt := MustCompile[nicked]("SELECT nick FROM cities")
	other := "old"
	for _, k.shared = range []bool{false, true} {
		for _, room := range []int{0, 1, 5} {
			dst := make([]nicked, 1+room)
			for i := range dst {
				dst[i].Nick = &other
			}
			dst = dst[:1]
			got, err := stmt.AppendTo(ctx, k, dst)
			if err != nil || len(got) != 3 || got[0].Nick != &other || *got[1].Nick != nick || got[2].Nick != nil {
				t.Errorf("room for %d: got %v, %v", room, got, err)
			}
			if got[1].Nick == &nick != k.shared {
				t.Errorf("room for %d: the target of the stored value is returned: %t, want %t", room, !k.shared, k.shared)
			}
		}
	}
	if k.last.Form != stmt.read.form+cacheapi.FormAll {
		t.Error("AppendTo does not use the entry of All")
	}
	dst := make([]nicked, 1, 5)
	if got, err := stmt.AppendTo(WithMaxRows(ctx, 2), k, dst); err != nil || len(got) != 3 {
		t.Errorf("the rows of dst count: got %d, error %v", len(got), err)
	}
	if got, err := stmt.AppendTo(WithMaxRows(ctx, 1), k, dst); !errors.Is(err, ErrTooManyRows) || len(got) != 1 || &got[0] != &dst[0] {
		t.Errorf("got %d rows, error %v, want dst and ErrTooManyRows", len(got), err)
	}
	k.value = nil
	if got, err := stmt.AppendTo(ctx, k, dst); !errors.Is(err, errNoServer) || len(got) != 1 || &got[0] != &dst[0] || k.loads != 1 {
		t.Errorf("got %d rows, error %v after %d loads, want dst and the error", len(got), err, k.loads)
	}
}

func TestFormsAndArgumentsHaveDistinctKeys(t *testing.T) {
	k := &storedReader{value: []cachedCity{}, source: newDB(Options{})}
	ctx := t.Context()
	key := func(read func()) (form uint64, key string) {
		read()
		return k.last.Form, string(k.last.Key)
	}
	cities := MustCompile[cachedCity]("SELECT id, name FROM cities WHERE id = $1")
	allForm, allKey := key(func() { _, _ = cities.All(ctx, k, 1) })
	if form, key := key(func() { _, _ = cities.All(ctx, k, int64(1)) }); form != allForm || key == allKey {
		t.Error("int and int64 have one key")
	}
	k.value = &cachedCity{}
	if form, key := key(func() { _, _ = cities.One(ctx, k, 1) }); form == allForm || key != allKey {
		t.Error("One and All have one form")
	}
	type other cachedCity
	k.value = []other{}
	if form, _ := key(func() { _, _ = All[other](ctx, k, SQL("SELECT id, name FROM cities WHERE id = $1", 1)) }); form == allForm {
		t.Error("two types have one form")
	}
	k.value = []cachedCity{}
	if _, _ = cities.All(ctx, k, func() {}); k.last.Keyed {
		t.Error("a function has a key")
	}
}

func TestOneCachesTheAbsenceOfARow(t *testing.T) {
	k := &storedReader{value: cacheapi.NoRow{}, source: newDB(Options{})}
	if _, err := MustCompile[int]("SELECT 1 WHERE false").One(t.Context(), k); err != pgx.ErrNoRows {
		t.Errorf("error %v, want pgx.ErrNoRows itself", err)
	}
}

func TestWithMaxRowsAppliesToCachedValues(t *testing.T) {
	k := &storedReader{value: []int{1, 2, 3}, source: newDB(Options{})}
	if _, err := MustCompile[int]("SELECT 1").All(WithMaxRows(t.Context(), 2), k); !errors.Is(err, ErrTooManyRows) {
		t.Errorf("error %v, want ErrTooManyRows", err)
	}
}

func TestLoadErrorsNameTheStatement(t *testing.T) {
	k := &storedReader{source: newDB(Options{})}
	_, err := MustCompile[int]("-- name: Answer :one\nSELECT 42").One(t.Context(), k)
	if !errors.Is(err, errNoServer) || err.Error() != "db: read Answer: no server" || k.loads != 1 {
		t.Errorf("error %v after %d loads", err, k.loads)
	}
}
