package diagnose_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/db/diagnose"
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

// A cache whose tier is down is degraded, and the program is ready.
func TestReadyWithATierDown(t *testing.T) {
	t.Parallel()
	h, err := diagnose.NewHealth(openPool(t, 2), &diagnose.HealthOptions{Caches: map[string]*querycache.Cache{"main": numbers(t)}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	r := h.Ready(t.Context())
	if c := checkOf(t, r, "cache main"); !r.OK || !c.OK || !c.Degraded || !strings.Contains(c.Detail, "tier redis is down") || !strings.Contains(c.Detail, "unreachable") {
		t.Errorf("got %+v", r)
	}
}
