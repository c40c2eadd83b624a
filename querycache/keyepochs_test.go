package querycache

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
)

type scopeKey struct{}

func scoped(scope string) context.Context {
	return context.WithValue(context.Background(), scopeKey{}, scope)
}

func scopeOf(ctx context.Context) (string, bool) {
	s, ok := ctx.Value(scopeKey{}).(string)
	return s, ok
}

// An invalidation applies to every scope, even if the writer has none.
func TestInvalidateReachesEveryScope(t *testing.T) {
	o := newOffline(t, &Options{Scope: scopeOf}, forever)
	v := "old"
	a := newAside(t, o.cache, AsideOptions[int, string]{Policy: forever, Load: func(context.Context, int) (string, error) { return v, nil }})
	for _, writer := range []context.Context{context.Background(), scoped("admin"), scoped("alice")} {
		for _, tenant := range []string{"alice", "bob"} {
			for id := range 3 {
				a.Get(scoped(tenant), id)
			}
			o.want(scoped(tenant), v, says(v))
		}
		err := a.Update(writer, 1, func(context.Context) error { v += "!"; return nil })
		if err != nil {
			t.Fatal(err)
		}
		o.reads.Invalidate(writer, citySQL, 1)
		for _, tenant := range []string{"alice", "bob"} {
			if got, _ := a.Get(scoped(tenant), 1); got != v {
				t.Errorf("%s reads %q, want %q", tenant, got, v)
			}
			o.want(scoped(tenant), v, says(v))
			o.want(scoped(tenant), v, says("unasked"))
		}
		hits := o.cache.Stats().Lookups[Hit]
		a.Get(scoped("bob"), 2)
		if o.cache.Stats().Lookups[Hit] != hits+1 {
			t.Error("another key was invalidated too")
		}
		o.cache.InvalidateAll()
	}
}

// A load from before Invalidate is neither stored nor shared, in any scope.
func TestInvalidateDiscardsLoadsInEveryScope(t *testing.T) {
	o := newOffline(t, &Options{Scope: scopeOf}, forever)
	alice := scoped("alice")
	o.want(alice, "old", func(context.Context) (any, error) {
		o.reads.Invalidate(context.Background(), citySQL, 1)
		return "old", nil
	})
	o.want(alice, "new", says("new"))
	o.counted(map[Reason]uint64{MissLoadInvalidated: 1, MissCold: 1})
}

func TestInvalidateTakesNamedArguments(t *testing.T) {
	o := newOffline(t, nil, forever)
	o.want(context.Background(), "old", says("old"))
	o.reads.Invalidate(context.Background(), "-- name: CityByID :one\nSELECT name FROM cities WHERE id = @id", pgx.NamedArgs{"id": 1})
	o.want(context.Background(), "new", says("new"))
}

func TestInvalidateIncludesPages(t *testing.T) {
	ctx := context.Background()
	o := newOffline(t, nil, Policy{TTL: -1, Shared: true})
	byID := db.MustCompile[city]("SELECT id, name, country, population FROM cities WHERE country = $1")
	pager := db.Pager{Keys: []db.Order{db.Asc("id")}}
	read := func() int64 {
		p, err := byID.Page(ctx, filler{o.reads, &db.Page[city]{Items: []city{{ID: 1}}}, 40}, pager, "", 3, "DE")
		if err != nil || len(p.Items) != 1 {
			t.Fatal(p, err)
		}
		return int64(o.cache.Stats().Lookups[Hit])
	}
	read()
	if hits := read(); hits != 1 {
		t.Fatalf("%d hits", hits)
	}
	o.reads.Invalidate(ctx, byID.SQL(), "DE")
	if hits := read(); hits != 1 {
		t.Error("a page was left")
	}
}
