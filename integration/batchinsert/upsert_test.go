package batchinsert_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
)

var byID = batchinsert.OnConflict{Keys: []string{"id"}}

// both runs a test with few rows, through arrays, and with rows enough for the
// temporary table.
func both(t *testing.T, test func(t *testing.T, source func([]item) batchinsert.Source[item])) {
	t.Run("arrays", func(t *testing.T) { t.Parallel(); test(t, batchinsert.Rows[item]) })
	t.Run("staged", func(t *testing.T) {
		t.Parallel()
		test(t, func(rows []item) batchinsert.Source[item] { return batchinsert.Seq(slices.Values(rows)) })
	})
}

func TestUpsertCounts(t *testing.T) {
	t.Parallel()
	for _, create := range []string{createItems, "CREATE TABLE items (id bigint PRIMARY KEY, name text, price numeric) PARTITION BY HASH (id)"} {
		both(t, func(t *testing.T, source func([]item) batchinsert.Source[item]) {
			pg := open(t, create)
			if create != createItems {
				exec(t, pg, "CREATE TABLE p0 PARTITION OF items FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE p1 PARTITION OF items FOR VALUES WITH (MODULUS 2, REMAINDER 1)")
			}
			rows := manyItems(1000)
			counts, err := items.Upsert(t.Context(), pg, source(rows[:600]), byID)
			if want := (batchinsert.Counts{Inserted: 600}); err != nil || counts != want {
				t.Fatalf("%+v, %v", counts, err)
			}
			for i := range 250 {
				rows[i].Name = "changed"
			}
			rows = append(rows, item{ID: 7, Name: "last"}, item{ID: 2000, Name: "new"}, item{ID: 2000, Name: "newer"})
			counts, err = items.Upsert(t.Context(), pg, source(rows), byID)
			want := batchinsert.Counts{Inserted: 401, Updated: 250, Unchanged: 350, Duplicates: 2}
			if err != nil || counts != want {
				t.Errorf("%+v, %v; want %+v", counts, err, want)
			}
			if got := get[string](t, pg, "SELECT string_agg(name, ' ' ORDER BY id) FROM items WHERE id IN (7, 8, 2000)"); got != "last changed newer" {
				t.Error(got)
			}
			first := byID
			first.Duplicates = batchinsert.KeepFirst
			counts, err = items.Upsert(t.Context(), pg, source([]item{{ID: 7, Name: "first"}, {ID: 7, Name: "second"}}), first)
			if want := (batchinsert.Counts{Updated: 1, Duplicates: 1}); err != nil || counts != want {
				t.Errorf("%+v, %v", counts, err)
			}
			nothing := byID
			nothing.DoNothing = true
			counts, err = items.Upsert(t.Context(), pg, source([]item{{ID: 7, Name: "other"}, {ID: 3000, Name: "n"}}), nothing)
			if want := (batchinsert.Counts{Inserted: 1, Unchanged: 1}); err != nil || counts != want {
				t.Errorf("%+v, %v", counts, err)
			}
			if got := get[string](t, pg, "SELECT name FROM items WHERE id = 7"); got != "first" {
				t.Error(got)
			}
			refuse := byID
			refuse.Duplicates = batchinsert.Refuse
			_, err = items.Upsert(t.Context(), pg, source([]item{{ID: 1, Name: "a"}, {ID: 9, Name: "b"}, {ID: 4, Name: "c"}, {ID: 9, Name: "d"}}), refuse)
			var duplicate *batchinsert.DuplicateError
			if !errors.As(err, &duplicate) || duplicate.First != 2 || duplicate.Second != 4 {
				t.Errorf("%v", err)
			}
		})
	}
}

// Rows that stay the same are not written: their place in the table shows it.
func TestUpsertWritesChangedRowsOnly(t *testing.T) {
	t.Parallel()
	type row struct {
		ID   int64
		Doc  string
		Tags []string
		At   *string
	}
	pg := open(t, "CREATE TABLE docs (id bigint PRIMARY KEY, doc json, tags text[], at point)")
	table := batchinsert.MustTable[row]("docs")
	at := "(1,2)"
	rows := []row{{ID: 1, Doc: `{"a":1}`, Tags: []string{"x"}, At: &at}, {ID: 2, Doc: `{}`}}
	if _, err := table.Upsert(t.Context(), pg, batchinsert.Rows(rows), byID); err != nil {
		t.Fatal(err)
	}
	place := func() string { return get[string](t, pg, "SELECT string_agg(ctid::text, ' ' ORDER BY id) FROM docs") }
	before := place()
	counts, err := table.Upsert(t.Context(), pg, batchinsert.Rows(rows), byID)
	if err != nil || counts.Unchanged != 2 || place() != before {
		t.Errorf("%+v, %v, %s before %s", counts, err, place(), before)
	}
	rows[1].Doc, rows[0].Tags = `{ }`, nil
	counts, err = table.Upsert(t.Context(), pg, batchinsert.Rows(rows), batchinsert.OnConflict{Keys: []string{"id"}, Update: []string{"doc"}})
	if err != nil || counts.Unchanged != 1 || counts.Updated != 1 {
		t.Errorf("%+v, %v", counts, err)
	}
}

func TestUpsertOnOtherIndexes(t *testing.T) {
	t.Parallel()
	type user struct {
		Email   *string
		Name    string
		Deleted bool
	}
	a, b := "a@x", "A@X"
	rows := []user{{&a, "one", false}, {&b, "two", false}, {nil, "three", false}, {nil, "four", false}, {&a, "five", true}, {&a, "six", true}}
	for _, c := range []struct {
		index string
		on    batchinsert.OnConflict
		want  batchinsert.Counts
	}{
		{"UNIQUE INDEX ON users (email)", batchinsert.OnConflict{Keys: []string{"email"}}, batchinsert.Counts{Inserted: 4, Duplicates: 2}},
		{"UNIQUE INDEX ON users (email) NULLS NOT DISTINCT", batchinsert.OnConflict{Keys: []string{"email"}}, batchinsert.Counts{Inserted: 3, Duplicates: 3}},
		{"UNIQUE INDEX ON users (lower(email))", batchinsert.OnConflict{Keys: []string{"(lower(email))"}}, batchinsert.Counts{Inserted: 3, Duplicates: 3}},
		{"UNIQUE INDEX ON users (email) WHERE NOT deleted", batchinsert.OnConflict{Keys: []string{"email"}, Where: "NOT deleted"}, batchinsert.Counts{Inserted: 6}},
	} {
		pg := open(t, "CREATE TABLE users (email text, name text, deleted boolean)", "CREATE "+c.index)
		got, err := batchinsert.MustTable[user]("users").Upsert(t.Context(), pg, batchinsert.Rows(rows), c.on)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.index, got, err, c.want)
		}
	}
}

// Rows are the same where the column's own collation says so, and are locked in
// its order, whichever way they take.
func TestUpsertFollowsTheColumnsCollation(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, source func([]item) batchinsert.Source[item]) {
		pg := open(t, "CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
			"CREATE TABLE items (id bigint, name text COLLATE blind PRIMARY KEY, price numeric)")
		byName := batchinsert.OnConflict{Keys: []string{"name"}}
		counts, err := items.Upsert(t.Context(), pg, source([]item{{ID: 1, Name: "a"}, {ID: 2, Name: "b"}, {ID: 3, Name: "A"}}), byName)
		if want := (batchinsert.Counts{Inserted: 2, Duplicates: 1}); err != nil || counts != want {
			t.Fatalf("%+v, %v", counts, err)
		}
		counts, err = items.UpdateMany(t.Context(), pg, source([]item{{ID: 4, Name: "B"}, {ID: 5, Name: "b"}}), "name")
		if want := (batchinsert.Counts{Updated: 1, Duplicates: 1}); err != nil || counts != want {
			t.Errorf("%+v, %v", counts, err)
		}
		if got := get[string](t, pg, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM items"); got != "3 5" {
			t.Error(got)
		}
	})
}

// Writers of the same keys in opposite orders never deadlock, some through
// arrays and some through the temporary table. The keys' order is that of their
// column's collation, which is not the database's.
func TestUpsertsDoNotDeadlock(t *testing.T) {
	t.Parallel()
	pg := open(t, strings.NewReplacer("id bigint PRIMARY KEY", "id bigint", "name varchar(20)", `name varchar(20) COLLATE "und-x-icu" PRIMARY KEY`).Replace(createItems))
	rounds := 150
	if testing.Short() {
		rounds = 20
	}
	var wg sync.WaitGroup
	for writer := range 4 {
		wg.Go(func() {
			rows := manyItems(200)
			for i := range rows {
				rows[i].Name = fmt.Sprintf("%c %d", "aAbB"[i%4], i)
			}
			for round := range rounds {
				slices.Reverse(rows)
				source := batchinsert.Rows(rows)
				if writer >= 2 {
					source = batchinsert.Seq(slices.Values(rows))
				}
				for i := range rows {
					rows[i].ID = int64(1000*writer + round)
				}
				if _, err := items.Upsert(context.WithoutCancel(t.Context()), pg, source, batchinsert.OnConflict{Keys: []string{"name"}}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	wantNoDeadlocks(t, pg)
}

func wantNoDeadlocks(t *testing.T, pg *db.DB) {
	t.Helper()
	if n := get[int64](t, pg, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
}

func TestUpsertByIdentity(t *testing.T) {
	t.Parallel()
	type row struct {
		ID   int64
		Name string
	}
	pg := open(t, "CREATE TABLE words (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text)", "INSERT INTO words (name) VALUES ('old')")
	counts, err := batchinsert.MustTable[row]("words").Upsert(t.Context(), pg, batchinsert.Rows([]row{{1, "new"}, {10, "ten"}}), byID)
	if want := (batchinsert.Counts{Inserted: 1, Updated: 1}); err != nil || counts != want {
		t.Errorf("%+v, %v", counts, err)
	}
	if got := get[int64](t, pg, "INSERT INTO words (name) VALUES ('x') RETURNING id"); got != 11 {
		t.Errorf("next id %d", got)
	}
}

func TestUpsertChecksOnConflict(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	for want, on := range map[string]batchinsert.OnConflict{
		"Keys is empty":                               {},
		`Keys names "nope"`:                           {Keys: []string{"nope"}},
		`Update names "nope"`:                         {Keys: []string{"id"}, Update: []string{"nope"}},
		"no unique index fits OnConflict.Keys (name)": {Keys: []string{"name"}},
	} {
		_, err := items.Upsert(t.Context(), pg, batchinsert.Rows(manyItems(2)), on)
		wantError(t, err, want)
	}
}
