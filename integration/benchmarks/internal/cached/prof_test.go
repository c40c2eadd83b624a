package cached

import (
	"context"
	"os"
	"testing"

	"github.com/headrace/headrace/integration/benchmarks/internal/reads"
)

func BenchmarkTierRow(b *testing.B) {
	ctx := context.Background()
	address, stop, err := StartRedis(ctx)
	if err != nil {
		b.Fatal(err)
	}
	defer stop()
	url := os.Getenv("BENCH_URL")
	_ = reads.Fill(ctx, url, 10000)
	d := Database{ConnString: url, Orders: 10000, Redis: address}
	for _, name := range []string{"row", "page"} {
		s := tierRows("x", d, redisTier(d))
		if name == "page" {
			s = tierPages("x", d, ordersFrom, redisTier(d))
		}
		op, closeFn, err := s.Open(ctx)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := op(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
		closeFn()
	}
}
