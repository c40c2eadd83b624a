package pages_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/headrace/headrace/db"
)

// TestWalkWhileRowsChange walks both ways while rows are inserted, deleted and
// moved in the order. It visits rows that stay exactly once.
func TestWalkWhileRowsChange(t *testing.T) {
	t.Parallel()
	pg := open(t,
		"CREATE TABLE items (id int PRIMARY KEY, kind int, stays boolean NOT NULL)",
		// Every other row stays; kind is NULL for a third, with many ties.
		"INSERT INTO items SELECT i, nullif(i % 3, 0) * (i % 7), i % 2 = 0 FROM generate_series(1, 3000) i",
		"CREATE INDEX ON items (kind, id DESC)")
	type row struct {
		ID    int
		Kind  *int
		Stays bool
	}
	stmt := db.MustCompile[row]("SELECT id, kind, stays FROM items")
	p := db.Pager{Keys: []db.Order{db.Asc("kind"), db.Desc("id")}}

	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), 7))
			for ctx.Err() == nil {
				id := rnd.IntN(1500)*2 + 1 // odd: they come and go
				sql := []string{
					"DELETE FROM items WHERE id = $1",
					"INSERT INTO items VALUES ($1, NULL, false) ON CONFLICT DO NOTHING",
					"INSERT INTO items VALUES ($1, $1 % 5, false) ON CONFLICT (id) DO UPDATE SET kind = nullif($1 % 4, 0)",
				}[rnd.IntN(3)]
				if _, err := pg.Exec(t.Context(), sql, id); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	page := func(ctx context.Context, at db.Cursor) (db.Page[row], error) {
		return stmt.Page(ctx, pg, p, at, 37)
	}
	for i := range 6 {
		walk := forward[row]
		if i%2 == 1 {
			walk = backward[row]
		}
		met := make(map[int]int)
		for _, r := range walk(t, page) {
			if r.Stays {
				met[r.ID]++
			}
		}
		for id := 2; id <= 3000; id += 2 {
			if met[id] != 1 {
				t.Errorf("walk %d met row %d %d times", i, id, met[id])
			}
		}
	}
	stop()
	writers.Wait()
}
