package querycache_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

const nameOfCity = "SELECT name FROM cities WHERE id = $1"

// Statements of one text: two with a policy each, one whose name has none, and
// one without a name.
var (
	longName    = db.MustCompile[string]("-- name: Long :one\n" + nameOfCity)
	shortName   = db.MustCompile[string]("-- name: Short :one\n" + nameOfCity)
	otherName   = db.MustCompile[string]("-- name: Other :one\n" + nameOfCity)
	withoutName = db.MustCompile[string](nameOfCity)
)

const shortTTL = 30 * time.Millisecond

var byName = querycache.ByName{"Long": minute, "Short": {TTL: shortTTL}}

// Statements with the same text follow the policies of their own names, in each
// order and form of reads.
func TestPoliciesOfOneText(t *testing.T) {
	t.Parallel()
	forms := map[string]func(b *bench, stmt *db.Stmt[string], comment string) (string, error){
		"One": func(b *bench, stmt *db.Stmt[string], _ string) (string, error) {
			return stmt.One(b.Context(), b.reads, 1)
		},
		"All": func(b *bench, stmt *db.Stmt[string], _ string) (string, error) {
			all, err := stmt.All(b.Context(), b.reads, 1)
			return strings.Join(all, ""), err
		},
		"QueryRow": func(b *bench, _ *db.Stmt[string], comment string) (name string, err error) {
			err = b.reads.QueryRow(b.Context(), comment+nameOfCity, 1).Scan(&name)
			return name, err
		},
		"SQL": func(b *bench, stmt *db.Stmt[string], _ string) (name string, err error) {
			err = b.reads.QueryRow(b.Context(), stmt.SQL(), 1).Scan(&name)
			return name, err
		},
		"named arguments": func(b *bench, _ *db.Stmt[string], comment string) (name string, err error) {
			err = b.reads.QueryRow(b.Context(), comment+"SELECT name FROM cities WHERE id = @id", pgx.NamedArgs{"id": 1}).Scan(&name)
			return name, err
		},
		"Builder": func(b *bench, _ *db.Stmt[string], comment string) (string, error) {
			return db.One[string](b.Context(), b.reads, db.SQL(comment+nameOfCity, 1))
		},
		"Page": func(b *bench, stmt *db.Stmt[string], _ string) (string, error) {
			page, err := stmt.Page(b.Context(), b.reads, db.Pager{Keys: []db.Order{db.Asc("name")}}, "", 1, 1)
			return strings.Join(page.Items, ""), err
		},
	}
	statements := map[string]*db.Stmt[string]{"Long": longName, "Short": shortName, "Other": otherName, "": withoutName}
	b := newBench(t, nil, byName)
	for form, read := range forms {
		for first := range statements {
			b.exec(b.other, "UPDATE cities SET name = 'old' WHERE id = 1")
			ask := func(name, want string) {
				t.Helper()
				comment := ""
				if name != "" {
					comment = "-- name: " + name + " :one\n"
				}
				if got, err := read(b, statements[name], comment); err != nil || got != want {
					t.Errorf("%s, %q first: %q read %q, want %q (%v)", form, first, name, got, want, err)
				}
			}
			b.cache.InvalidateAll()
			ask(first, "old")
			for name := range statements {
				ask(name, "old")
			}
			b.exec(b.other, "UPDATE cities SET name = 'new' WHERE id = 1")
			time.Sleep(shortTTL + time.Millisecond)
			for name := range statements {
				want := "new"
				if name == "Long" {
					want = "old"
				}
				ask(name, want)
			}
		}
	}
	for name, stmt := range statements {
		e := b.reads.Explain(t.Context(), stmt.SQL())
		if e.Cacheable != (name == "Long" || name == "Short") || e.Name != name || e.Policy.TTL != byName[name].TTL {
			t.Errorf("%q is explained as %+v", name, e)
		}
		if hits := e.Lookups[querycache.Hit]; (hits > 0) != e.Cacheable {
			t.Errorf("%q: %d hits", name, hits)
		}
	}
}

// Invalidate affects all statements with a text, InvalidateStatements only
// those with a name.
func TestInvalidateByTextAndByName(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil, querycache.ByName{"Long": minute, "Short": minute})
	ask := func() {
		for _, stmt := range []*db.Stmt[string]{longName, shortName} {
			if _, err := stmt.One(t.Context(), b.reads, 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask()
	b.want(querycache.MissCold, querycache.MissCold)
	b.reads.Invalidate(t.Context(), nameOfCity, 1)
	ask()
	b.want(querycache.MissCold, querycache.MissCold)
	b.cache.InvalidateStatements("Long")
	ask()
	b.want(querycache.MissInvalidated, querycache.Hit)
}

// Explain does not change how a statement is treated.
func TestExplainChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil, byName)
	const copied = "SELECT name FROM cities WHERE id = $1 " // not what SQL returned
	explain := map[string]func() querycache.Explanation{
		"the statement": func() querycache.Explanation { return b.reads.Explain(t.Context(), longName.SQL()) },
		"its text":      func() querycache.Explanation { return b.reads.Explain(t.Context(), longName.SQL()) },
		"its source":    func() querycache.Explanation { return b.reads.Explain(t.Context(), "-- name: Long :one\n"+copied) },
	}
	before := b.cache.Stats()
	bare := func() querycache.Explanation { return b.reads.Explain(t.Context(), copied) }
	if e := bare(); e.Cacheable || e.Reason != querycache.RefusedPolicy {
		t.Errorf("the text without a name: %+v", e)
	}
	for what, explain := range explain {
		if e := explain(); !e.Cacheable || e.Name != "Long" || e.Entries != 0 {
			t.Errorf("%s: %+v", what, e)
		}
	}
	if after := b.cache.Stats(); after.Total() != before.Total() || after.Bytes != before.Bytes {
		t.Errorf("asking left %+v of %+v", after, before)
	}
	for range 2 {
		if _, err := longName.One(t.Context(), b.reads, 1); err != nil {
			t.Fatal(err)
		}
	}
	b.want(querycache.MissCold, querycache.Hit)
	for what, explain := range explain {
		if e := explain(); !e.Cacheable || e.Entries != 1 || e.Lookups[querycache.Hit] != 1 {
			t.Errorf("%s after two reads: %+v", what, e)
		}
	}
	if e := bare(); e.Cacheable || !strings.Contains(e.Detail, "Long") || e.Entries != 0 {
		t.Errorf("the text without a name: %+v", e)
	}
}

// The statement of a Loader has the policy and the counts of its own name.
func TestLoaderHasThePolicyOfItsName(t *testing.T) {
	t.Parallel()
	type named struct {
		ID   int
		Name string
	}
	const sql = "SELECT id, name FROM cities WHERE id = ANY($1)"
	b := newBench(t, nil, byName)
	load := func(stmt *db.Stmt[named]) {
		l := db.NewLoader(b.reads, stmt, func(n named) int { return n.ID }, nil)
		if _, err := l.Load(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	long, other := db.MustCompile[named]("-- name: Long :many\n"+sql), db.MustCompile[named]("-- name: Other :many\n"+sql)
	for range 2 {
		load(other)
		load(long)
	}
	b.want(querycache.RefusedPolicy, querycache.MissCold, querycache.RefusedPolicy, querycache.Hit)
	gathered := long.GatherAll([]int{1})
	if err := db.Gather(context.WithoutCancel(t.Context()), b.reads, gathered); err != nil {
		t.Fatal(err)
	}
	calls := map[string]int64{}
	for _, st := range b.pg.Stats().Statements {
		calls[st.Name] = st.Calls
	}
	if calls["Long"] != 2 || calls["Other"] != 2 { // of Long one by Gather, which asks the server
		t.Errorf("calls by name: %v", calls)
	}
}
