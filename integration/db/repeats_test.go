package db_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// The corpus of loops: each is found, and nothing else.
func TestRepeats(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 4, append(itemSchema, manyItems(500))...)
	cache, err := querycache.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	reads, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	one := func(ctx context.Context, q db.Querier, id int) {
		if _, _, err := itemByID.Optional(ctx, q, id); err != nil {
			t.Error(err)
		}
	}
	for _, c := range []struct {
		name string
		want int // repeats
		run  func(ctx context.Context)
	}{
		{"loop", 1, func(ctx context.Context) {
			for i := range 12 {
				one(ctx, pg, 1000+i)
			}
		}},
		{"too short", 0, func(ctx context.Context) {
			for i := range 9 {
				one(ctx, pg, 1000+i)
			}
		}},
		{"loop in a transaction", 1, func(ctx context.Context) {
			_ = pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error {
				for i := range 12 {
					one(ctx, tx, 1000+i)
				}
				return nil
			})
		}},
		{"loop over rows", 1, func(ctx context.Context) {
			rows, _ := pg.Query(ctx, "SELECT id FROM items ORDER BY id LIMIT 12")
			ids, _ := pgx.CollectRows(rows, pgx.RowTo[int])
			for _, id := range ids {
				var name string
				_ = pg.QueryRow(ctx, "SELECT name FROM items WHERE id = $1", id).Scan(&name)
			}
		}},
		{"loop with constants", 1, func(ctx context.Context) {
			for i := range 12 {
				_, _ = pg.Exec(ctx, fmt.Sprintf("SELECT name FROM items WHERE id = %d", 1000+i))
			}
		}},
		{"loop over a closure", 1, func(ctx context.Context) {
			lookup := func(id int) { one(ctx, pg, id) }
			for i := range 12 {
				lookup(1000 + i)
			}
		}},
		{"loop of inserts", 1, func(ctx context.Context) {
			for i := range 12 {
				_, _ = pg.Exec(ctx, "INSERT INTO items VALUES ($1, $2)", 20_000+i, "x")
			}
		}},
		{"loop of COPY", 1, func(ctx context.Context) {
			for i := range 12 {
				_, _ = pg.CopyFrom(ctx, pgx.Identifier{"items"}, []string{"id", "name"}, pgx.CopyFromRows([][]any{{30_000 + i, "x"}}))
			}
		}},
		{"loop of batches", 1, func(ctx context.Context) {
			for i := range 12 {
				b := new(pgx.Batch)
				b.Queue("SELECT name FROM items WHERE id = $1", 1000+i)
				b.Queue("SELECT name FROM items WHERE id = $1", 1100+i)
				_ = pg.SendBatch(ctx, b).Close()
			}
		}},
		{"recursion", 1, func(ctx context.Context) {
			var walk func(id int)
			walk = func(id int) {
				one(ctx, pg, id)
				if id > 1000 {
					walk(id - 1)
				}
			}
			walk(1015)
		}},
		{"mutual recursion", 1, func(ctx context.Context) {
			var even, odd func(id int)
			even = func(id int) {
				one(ctx, pg, id)
				if id > 1000 {
					odd(id - 1)
				}
			}
			odd = func(id int) { even(id) }
			even(1015)
		}},
		{"tree", 1, func(ctx context.Context) {
			var walk func(id, depth int)
			walk = func(id, depth int) {
				one(ctx, pg, id)
				if depth > 0 {
					for child := range 3 {
						walk(3*id-2000+child+1, depth-1)
					}
				}
			}
			walk(1000, 3)
		}},
		{"goroutines", 1, func(ctx context.Context) {
			var all sync.WaitGroup
			for i := range 12 {
				all.Go(func() { one(ctx, pg, 1000+i) })
			}
			all.Wait()
		}},
		{"nested spans", 1, func(ctx context.Context) {
			for i := range 12 {
				inner, span := db.Profile(ctx, "one")
				one(inner, pg, 1000+i)
				span.End()
			}
		}},
		{"through the cache", 1, func(ctx context.Context) {
			for i := range 12 {
				one(ctx, reads, 1200+i)
			}
		}},
		{"two loops", 2, func(ctx context.Context) {
			for i := range 12 {
				one(ctx, pg, 1000+i)
			}
			for i := range 12 {
				one(ctx, pg, 1100+i)
			}
		}},
		{"cached", 0, func(ctx context.Context) {
			for i := range 12 {
				one(ctx, reads, 1200+i) // since the case before
			}
		}},
		{"same arguments", 0, func(ctx context.Context) {
			for range 12 {
				one(ctx, pg, 1000)
			}
		}},
		{"same named arguments", 0, func(ctx context.Context) {
			for range 12 {
				_, _ = pg.Exec(ctx, "SELECT name FROM items WHERE id = @id", pgx.NamedArgs{"id": 1000})
			}
		}},
		{"same maps", 0, func(ctx context.Context) {
			for range 12 {
				_, _ = pg.Exec(ctx, "SELECT $1::jsonb", map[string]any{"a": 1, "b": "x"})
			}
		}},
		{"named arguments", 1, func(ctx context.Context) {
			for i := range 12 {
				_, _ = pg.Exec(ctx, "SELECT name FROM items WHERE id = @id", pgx.NamedArgs{"id": 1000 + i})
			}
		}},
		{"loop after other places", 1, func(ctx context.Context) {
			one(ctx, pg, 1100)
			one(ctx, pg, 1101)
			one(ctx, pg, 1102)
			one(ctx, pg, 1103)
			one(ctx, pg, 1104)
			one(ctx, pg, 1105)
			one(ctx, pg, 1106)
			one(ctx, pg, 1107)
			one(ctx, pg, 1108)
			one(ctx, pg, 1109)
			one(ctx, pg, 1110)
			for i := range 12 {
				one(ctx, pg, 1000+i)
			}
		}},
		{"pages through the cache", 0, func(ctx context.Context) {
			pager := db.Pager{Keys: []db.Order{db.Asc("id")}}
			stmt := db.MustCompile[item]("SELECT id, name FROM items WHERE name LIKE 'item 1%'")
			var at db.Cursor
			for range 20 {
				page, err := stmt.Page(ctx, reads, pager, at, 5)
				if err != nil {
					t.Error(err)
				}
				at = page.Next
			}
		}},
		{"batches of a loader", 0, func(ctx context.Context) {
			loader := db.NewLoader(pg, db.MustCompile[item]("SELECT id, name FROM items WHERE id = ANY($1)"), func(i item) int { return i.ID }, &db.LoaderOptions{MaxKeys: 5})
			keys := make([]int, 100)
			for i := range keys {
				keys[i] = 1000 + i
			}
			_, _ = loader.LoadMany(ctx, keys)
		}},
		{"one batch", 0, func(ctx context.Context) {
			b := new(pgx.Batch)
			for i := range 50 {
				b.Queue("SELECT name FROM items WHERE id = $1", 1000+i)
			}
			_ = pg.SendBatch(ctx, b).Close()
		}},
		{"different places", 0, func(ctx context.Context) {
			one(ctx, pg, 1000)
			one(ctx, pg, 1001)
			one(ctx, pg, 1002)
			one(ctx, pg, 1003)
			one(ctx, pg, 1004)
			one(ctx, pg, 1005)
			one(ctx, pg, 1006)
			one(ctx, pg, 1007)
			one(ctx, pg, 1008)
			one(ctx, pg, 1009)
			one(ctx, pg, 1010)
			one(ctx, pg, 1011)
		}},
		{"different statements", 0, func(ctx context.Context) {
			for i := range 12 {
				_, _ = pg.Exec(ctx, fmt.Sprintf("SELECT id AS c%d FROM items WHERE id = $1", i), i)
			}
		}},
		{"pages", 0, func(ctx context.Context) {
			pager := db.Pager{Keys: []db.Order{db.Asc("id")}}
			stmt := db.MustCompile[item]("SELECT id, name FROM items WHERE name LIKE 'item%'")
			var at db.Cursor
			for range 20 {
				page, err := stmt.Page(ctx, pg, pager, at, 5)
				if err != nil {
					t.Error(err)
				}
				at = page.Next
			}
		}},
		{"chunks", 0, func(ctx context.Context) {
			for i := range 12 {
				_, _ = db.All[item](ctx, pg, db.SQL("SELECT id, name FROM items WHERE id > $1 ORDER BY id LIMIT 150", 1000+i))
			}
		}},
		{"loader", 0, func(ctx context.Context) {
			loader := db.NewLoader(pg, db.MustCompile[item]("SELECT id, name FROM items WHERE id = ANY($1)"), func(i item) int { return i.ID }, nil)
			var all sync.WaitGroup
			for i := range 12 {
				all.Go(func() { _, _ = loader.Load(ctx, 1000+i) })
			}
			all.Wait()
		}},
		{"transactions", 0, func(ctx context.Context) {
			for range 12 {
				_ = pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error { return nil })
			}
		}},
	} {
		ctx, span := db.Profile(t.Context(), c.name)
		c.run(ctx)
		span.End()
		stats := span.Stats()
		if c.name == "same arguments" {
			same := stats.ByStatement[0]
			if same.Identical != 11 || len(same.Sites) == 0 || !strings.HasSuffix(same.Sites[0].Stack[0].File, "repeats_test.go") {
				t.Errorf("%s: %+v", c.name, same)
			}
		}
		got := stats.Repeats
		if len(got) != c.want {
			t.Errorf("%s: %d repeats, want %d: %+v", c.name, len(got), c.want, got)
		}
		for _, r := range got {
			if r.Calls < 10 || len(r.Stack) == 0 || !strings.HasSuffix(r.Stack[0].File, "repeats_test.go") {
				t.Errorf("%s: %+v does not name this file", c.name, r)
			}
		}
	}
}
