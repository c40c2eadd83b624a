package querycache_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

type customer struct {
	ID   int
	Name string
}

// customersOf returns the Aside of a process, which counts its loads.
func customersOf(b *bench, policy querycache.Policy) (a *querycache.Aside[int, customer], loads *atomic.Int64) {
	b.Helper()
	loads = new(atomic.Int64)
	policy.Tables = []string{"cities"}
	a, err := querycache.NewAside(b.cache, querycache.AsideOptions[int, customer]{
		Name: "customers", Policy: policy, Source: b.pg,
		LoadMany: func(ctx context.Context, keys []int) (map[int]customer, error) {
			loads.Add(1)
			rows, err := db.All[city](ctx, b.pg, db.SQL("SELECT id, name, tags FROM cities WHERE id = ANY($1)", keys))
			out := map[int]customer{}
			for _, c := range rows {
				out[c.ID] = customer{c.ID, c.Name}
			}
			return out, err
		},
		Encode: func(c customer) ([]byte, error) { return json.Marshal(c) },
		Decode: func(data []byte) (c customer, err error) { err = json.Unmarshal(data, &c); return c, err },
	})
	if err != nil {
		b.Fatal(err)
	}
	return a, loads
}

// Values of an Aside reach other processes, and so do their invalidations.
func TestTiersHoldAsides(t *testing.T) {
	t.Parallel()
	store := newMemStore()
	opts := tierOptions(notifyingTier{memTier{store, "memory"}})
	one := newBench(t, opts, minute)
	one.follow(one.pg)
	two := one.process(opts, minute)
	a, loads := customersOf(one, minute)
	b, loadsOfTwo := customersOf(two, minute)
	want, err := a.Get(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	many, err := a.GetMany(t.Context(), []int{1, 2, 3, 1000})
	if err != nil || len(many) != 3 || loads.Load() != 2 {
		t.Fatalf("got %v, %v after %d loads", many, err, loads.Load())
	}
	one.stored(4)
	if got, err := b.Get(t.Context(), 1); err != nil || got != want || loadsOfTwo.Load() != 0 {
		t.Errorf("got %v, %v after %d loads", got, err, loadsOfTwo.Load())
	}
	if _, err := b.Get(t.Context(), 1000); !errors.Is(err, pgx.ErrNoRows) || loadsOfTwo.Load() != 0 {
		t.Errorf("no value: got %v after %d loads", err, loadsOfTwo.Load())
	}
	if got, err := b.GetMany(t.Context(), []int{1, 2, 3, 1000, 4}); err != nil || len(got) != 4 || got[2] != many[2] || loadsOfTwo.Load() != 1 {
		t.Errorf("got %v, %v after %d loads", got, err, loadsOfTwo.Load())
	}

	for what, change := range map[string]func(to string){
		"a commit": func(to string) { one.exec(one.pg, "UPDATE cities SET name = $1 WHERE id = 1", to) },
		"Delete": func(to string) {
			one.exec(one.other, "UPDATE cities SET name = $1 WHERE id = 1", to)
			a.Delete(t.Context(), 1)
		},
		"Update": func(to string) {
			if err := a.Update(t.Context(), 1, func(ctx context.Context) error {
				_, err := one.other.Exec(ctx, "UPDATE cities SET name = $1 WHERE id = 1", to)
				return err
			}); err != nil {
				t.Error(err)
			}
		},
		"InvalidateStatements": func(to string) {
			one.exec(one.other, "UPDATE cities SET name = $1 WHERE id = 1", to)
			one.cache.InvalidateStatements("customers")
		},
		"InvalidateTables": func(to string) {
			one.exec(one.other, "UPDATE cities SET name = $1 WHERE id = 1", to)
			one.cache.InvalidateTables("cities")
		},
		"InvalidateAll": func(to string) {
			one.exec(one.other, "UPDATE cities SET name = $1 WHERE id = 1", to)
			one.cache.InvalidateAll()
		},
		"Set": func(to string) {
			one.exec(one.other, "UPDATE cities SET name = $1 WHERE id = 1", to)
			a.Set(t.Context(), 1, customer{1, to})
		},
	} {
		for _, p := range []*querycache.Aside[int, customer]{a, b} {
			if _, err := p.Get(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
		change(what)
		for n, p := range []*querycache.Aside[int, customer]{a, b} {
			if got, err := p.Get(t.Context(), 1); err != nil || got.Name != what {
				t.Errorf("after %s, process %d: got %v, %v", what, n+1, got, err)
			}
			if got, err := p.GetMany(t.Context(), []int{1}); err != nil || got[1].Name != what {
				t.Errorf("after %s, process %d, GetMany: got %v, %v", what, n+1, got, err)
			}
		}
	}
}

// The statements that the program invalidates are invalidated in other
// processes, too.
func TestTiersFollowInvalidations(t *testing.T) {
	t.Parallel()
	store := newMemStore()
	opts := tierOptions(notifyingTier{memTier{store, "memory"}})
	one := newBench(t, opts, minute)
	one.follow(one.pg)
	two := one.process(opts, minute)
	unnamed := func(b *bench) string {
		name, err := nameByID.One(t.Context(), b.reads, 1)
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	for what, invalidate := range map[string]func(){
		"statements": func() {
			one.cache.InvalidateStatements("CityByID")
			one.reads.Invalidate(t.Context(), nameByID.SQL(), 1)
		},
		"texts": func() {
			one.reads.Invalidate(t.Context(), cityByID.SQL(), 1)
			one.reads.Invalidate(t.Context(), nameByID.SQL(), 1)
		},
		"tables": func() { one.cache.InvalidateTables("cities") },
		"all":    func() { one.cache.InvalidateAll() },
		"resume": func() { one.cache.Suspend(); one.cache.Resume() },
	} {
		for _, b := range []*bench{one, two} {
			b.name(1)
			unnamed(b)
		}
		one.exec(one.other, "UPDATE cities SET name = $1 WHERE id = 1", what)
		invalidate()
		for n, b := range []*bench{one, two} {
			if got, gotToo := b.name(1), unnamed(b); got != what || gotToo != what {
				t.Errorf("%s, process %d: read %q and %q", what, n+1, got, gotToo)
			}
		}
	}
}

// Values of an Aside that its Decode rejects, or panics about, are misses.
func TestTiersOfOtherReleases(t *testing.T) {
	t.Parallel()
	one, two, _ := fleet(t, minute)
	a, _ := customersOf(one, minute)
	if _, err := a.Get(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	one.stored(1)
	for what, decode := range map[string]func([]byte) (customer, error){
		"an error": func([]byte) (customer, error) { return customer{}, errors.New("unknown form") },
		"a panic":  func([]byte) (customer, error) { panic("unknown form") },
	} {
		b, err := querycache.NewAside(two.cache, querycache.AsideOptions[int, customer]{
			Name: "customers", Policy: querycache.Policy{TTL: time.Minute, Tables: []string{"cities"}}, Source: two.pg,
			Load:   func(context.Context, int) (customer, error) { return customer{7, what}, nil },
			Encode: func(customer) ([]byte, error) { return nil, errors.New("not encoded") },
			Decode: decode,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := b.Get(t.Context(), 1); err != nil || got.Name != what {
			t.Errorf("%s: got %v, %v", what, got, err)
		}
		if s := two.cache.Stats().Tiers[0]; s.Hits > 0 || s.Errors < 2 || !strings.Contains(s.LastError, "encode a value of customers") || strings.Contains(s.LastError, "not encoded") {
			t.Errorf("%s: %+v", what, s)
		}
	}
}

// A process that has not read a type yet decodes the values of another as its
// connections would.
func TestTiersKnowTypes(t *testing.T) {
	t.Parallel()
	one, _, store := fleet(t, minute)
	for _, sql := range []string{
		"CREATE TYPE mood AS ENUM ('sad', 'glad')",
		"CREATE TYPE p AS (x int, y text)",
		"CREATE TABLE c AS SELECT ARRAY[(1, 'a')::p, (2, 'b')::p] AS ps, 'glad'::mood AS m, 1.5::numeric AS n, '{1,2}'::int[] AS list",
	} {
		one.exec(one.pg, sql)
	}
	open := func() *bench {
		pg := pgtest.Open(t, one.pg.Pool().Config().ConnString(), &db.Options{Types: []string{"_p", "mood"}})
		return one.with(pg, tierOptions(memTier{store, "memory"}), minute)
	}
	type row struct {
		PS   []point
		M    string
		N    pgtype.Numeric
		List []int
	}
	read := func(b *bench) (row, map[string]any) {
		got, err := db.One[row](t.Context(), b.reads, db.SQL("SELECT ps, m, n, list FROM c"))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := b.reads.Query(t.Context(), "SELECT * FROM c")
		if err != nil {
			t.Fatal(err)
		}
		all, err := pgx.CollectExactlyOneRow(rows, pgx.RowToMap)
		if err != nil {
			t.Fatal(err)
		}
		return got, all
	}
	first := open()
	want, wantMap := read(first)
	first.stored(2)
	second := open()
	got, gotMap := read(second)
	if !reflect.DeepEqual(got, want) || fmt.Sprint(gotMap) != fmt.Sprint(wantMap) {
		t.Errorf("got %v, %v, want %v, %v", got, gotMap, want, wantMap)
	}
	second.want(querycache.HitTier, querycache.HitTier)
}

// Entries of one scope serve no other, in any process.
func TestTiersKeepScopesApart(t *testing.T) {
	t.Parallel()
	store := newMemStore()
	type tenant struct{}
	opts := tierOptions(memTier{store, "memory"})
	opts.Scope = func(ctx context.Context) (string, bool) { s, ok := ctx.Value(tenant{}).(string); return s, ok }
	one := newBench(t, opts, minute)
	two := one.process(opts, minute)
	of := func(b *bench, scope string) string {
		ctx := context.WithValue(t.Context(), tenant{}, scope)
		c, err := cityByID.One(ctx, b.reads, 1)
		if err != nil {
			t.Fatal(err)
		}
		return c.Name
	}
	of(one, "a")
	one.stored(1)
	one.exec(one.other, "UPDATE cities SET name = 'new' WHERE id = 1") // unseen
	if got := of(two, "b"); got != "new" {
		t.Errorf("scope b read %q, the entry of scope a", got)
	}
	if got := of(two, "a"); got != "city 1" {
		t.Errorf("scope a read %q", got)
	}
}

// While the outcome of a commit is unknown, reads pass the tiers over.
func TestTiersAndDoubt(t *testing.T) {
	t.Parallel()
	one, _, store := fleet(t, minute)
	one.name(1)
	one.stored(1)
	locker, err := one.other.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = locker.Rollback(context.Background()) }()
	if _, err := locker.Exec(t.Context(), "SELECT FROM cities WHERE id = 1 FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := one.pg.Exec(ctx, "UPDATE cities SET name = 'doubt' WHERE id = 1"); err == nil {
		t.Fatal("the write is not cut off")
	}
	var gets int
	store.set(func() { gets = store.gets })
	for one.doubts.Load() > 0 {
		one.name(1)
		var now int
		store.set(func() { now = store.gets })
		if one.doubts.Load() > 0 && now != gets {
			t.Fatal("a read in doubt asked the tier")
		}
	}
}

// A process that runs after a change of a table, by a program that raises
// nothing, does not fail because of results from before.
func TestTiersAfterSchemaChanges(t *testing.T) {
	t.Parallel()
	one, _, store := fleet(t, minute)
	one.name(1)
	one.stored(1)
	one.exec(one.other, "ALTER TABLE cities ALTER COLUMN name TYPE int USING id")
	two := one.process(tierOptions(memTier{store, "memory"}), minute)
	type numbered struct {
		ID, Name int
		Tags     []string
	}
	byID := db.MustCompile[numbered]("-- name: CityByID :one\nSELECT id, name, tags FROM cities WHERE id = $1")
	for range 2 {
		if got, err := byID.One(t.Context(), two.reads, 1); err != nil || got.Name != 1 {
			t.Errorf("got %v, %v", got, err)
		}
	}
	if s := two.cache.Stats().Tiers[0]; s.Errors == 0 || !strings.Contains(s.LastError, "does not fit") {
		t.Errorf("got %+v", s)
	}
}

// Results under Policy.MemoryOnly are not stored in tiers.
func TestMemoryOnly(t *testing.T) {
	t.Parallel()
	policy := minute
	policy.MemoryOnly = true
	one, _, store := fleet(t, policy)
	one.name(1)
	one.want(querycache.MissCold)
	one.name(1)
	one.want(querycache.Hit)
	if s := one.cache.Stats().Tiers[0]; s.Hits+s.Misses+s.Sets > 0 || len(store.values) > 0 {
		t.Errorf("got %+v and %d values", s, len(store.values))
	}
	if e := one.reads.Explain(t.Context(), cityByID.SQL()); !strings.Contains(e.NoTiers, "MemoryOnly") {
		t.Errorf("got %+v", e)
	}
}

// Programs that know other types ask for other formats, and do not share results
// with columns of these types.
func TestTiersAndFormats(t *testing.T) {
	t.Parallel()
	one, _, store := fleet(t, minute)
	for _, sql := range []string{
		"CREATE TYPE mood AS ENUM ('sad', 'glad')",
		"CREATE TYPE p AS (x int, y text)",
		"CREATE TABLE c AS SELECT ARRAY['glad', 'sad']::mood[] AS ms, (1, 'a')::p AS p, ARRAY[(1, 'a')::p] AS ps, 1.5::numeric AS n",
	} {
		one.exec(one.pg, sql)
	}
	open := func(opts *db.Options) *bench {
		pg := pgtest.Open(t, one.pg.Pool().Config().ConnString(), opts)
		return one.with(pg, tierOptions(memTier{store, "memory"}), minute)
	}
	texts := func(q db.Querier) []string {
		var out []string
		for _, column := range []string{"ms", "p", "ps", "n"} {
			rows, err := q.Query(t.Context(), "SELECT "+column+" FROM c")
			if err != nil {
				t.Fatal(err)
			}
			rows.Next()
			out = append(out, fmt.Sprintf("%s %q", column, rows.RawValues()[0]))
			rows.Close()
		}
		return out
	}
	known := open(&db.Options{Types: []string{"_mood", "_p"}})
	for n, b := range []*bench{known, open(nil), open(&db.Options{Types: []string{"_mood", "_p"}}), open(nil)} {
		want := texts(b.pg)
		for range 2 {
			if got := texts(b.reads); !reflect.DeepEqual(got, want) {
				t.Errorf("process %d: got %s, want %s", n, got, want)
			}
		}
	}
}
