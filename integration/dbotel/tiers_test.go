package dbotel_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/headrace/headrace/db/dbotel"
	"github.com/headrace/headrace/integration/pgtest"
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
	pg := pgtest.Open(t, pgtest.New(t), nil)
	p := dbotel.NewProducer(pg, &dbotel.Options{Caches: map[string]*querycache.Cache{"main": numbers(t)}})
	metrics := collect(t, p)
	tier := []attribute.KeyValue{attribute.String("headrace.cache.name", "main"), attribute.String("headrace.cache.tier", "redis")}
	passed := append(tier[:2:2], attribute.String("headrace.cache.tier.outcome", "passed"))
	if got, ok := sum(metrics["headrace.cache.tier.reads"], passed...); !ok || got != 9 {
		t.Errorf("%d reads passed the tier over (%t)", got, ok)
	}
	if got, ok := sum(metrics["headrace.cache.tier.down"], tier...); !ok || got != 1 {
		t.Errorf("down is %d (%t)", got, ok)
	}
}
