package dbprom

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/headrace/headrace/querycache"
)

// A downTier is a Tier that cannot be reached.
type downTier struct{}

func (downTier) Name() string { return "redis" }
func (downTier) Get(context.Context, string, []string) (querycache.TierValue, error) {
	return querycache.TierValue{}, errors.New("unreachable")
}
func (downTier) Set(context.Context, string, []byte, time.Duration) error {
	return errors.New("unreachable")
}
func (downTier) Raise(context.Context, []string) error { return errors.New("unreachable") }

// numbers returns a cache with a tier that is down, after ten reads.
func numbers(t *testing.T) *querycache.Cache {
	t.Helper()
	cache, err := querycache.New(&querycache.Options{Tiers: []querycache.Tier{downTier{}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cache.Close)
	aside, err := querycache.NewAside(cache, querycache.AsideOptions[int, int]{
		Name: "numbers", Policy: querycache.Policy{TTL: time.Hour},
		Load:   func(_ context.Context, n int) (int, error) { return n, nil },
		Encode: func(int) ([]byte, error) { return nil, nil },
		Decode: func([]byte) (int, error) { return 0, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		if _, err := aside.Get(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	return cache
}

func TestTiers(t *testing.T) {
	t.Parallel()
	c := New(handle(t), &Options{Caches: map[string]*querycache.Cache{"main": numbers(t)}})
	want := `
# HELP headrace_cache_tier_down 1 while a further tier is passed over because its last call failed.
# TYPE headrace_cache_tier_down gauge
headrace_cache_tier_down{cache="main",tier="redis"} 1
# HELP headrace_cache_tier_reads_total Reads of a further tier by outcome: hit, miss, passed (the tier was down, or a raise was pending).
# TYPE headrace_cache_tier_reads_total counter
headrace_cache_tier_reads_total{cache="main",outcome="hit",tier="redis"} 0
headrace_cache_tier_reads_total{cache="main",outcome="miss",tier="redis"} 0
headrace_cache_tier_reads_total{cache="main",outcome="passed",tier="redis"} 9
`
	if err := testutil.CollectAndCompare(c, strings.NewReader(want), "headrace_cache_tier_down", "headrace_cache_tier_reads_total"); err != nil {
		t.Error(err)
	}
	problems, err := testutil.CollectAndLint(c)
	if err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
}
