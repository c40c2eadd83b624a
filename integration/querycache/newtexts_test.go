package querycache_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

// BenchmarkNewTexts reads with a new constant in the text, and with a new
// length of a list, by 8 goroutines.
func BenchmarkNewTexts(b *testing.B) {
	ctx := context.Background()
	cfg := pgtest.New(b) + "&pool_max_conns=8"
	pg, err := db.Open(ctx, cfg, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer pg.Close()
	for _, sql := range schema {
		if _, err := pg.Exec(ctx, sql); err != nil {
			b.Fatal(err)
		}
	}
	cache, err := querycache.New(nil)
	if err != nil {
		b.Fatal(err)
	}
	defer cache.Close()
	reads, err := cache.ReadThrough(pg, minute)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := cache.Follow(pg); err != nil {
		b.Fatal(err)
	}
	var n atomic.Int64
	for _, texts := range []struct {
		name string
		text func(n int64) string
	}{
		{"constant", func(n int64) string { return fmt.Sprintf("SELECT name FROM cities WHERE id = %d", n) }},
		{"list", func(n int64) string {
			return fmt.Sprintf("SELECT name FROM cities WHERE id IN (%d%s)", n, strings.Repeat(", 1", int(n%200)))
		}},
	} {
		for name, q := range map[string]db.Querier{"uncached": pg, "cached": reads} {
			b.Run(texts.name+"/"+name, func(b *testing.B) {
				b.SetParallelism(4)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if _, err := db.All[string](ctx, q, db.SQL(texts.text(n.Add(1)))); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		}
	}
}
