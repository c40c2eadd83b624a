package tiertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/headrace/headrace/querycache"
)

func unique(names ...string) []string {
	unique := make([]string, len(names))
	for i, name := range names {
		unique[i] = fmt.Sprintf("%s.%016x", name, rand.Uint64())
	}
	return unique
}

// get is called from goroutines of tests, too: it does not end the test.
func get(t *testing.T, tier querycache.Tier, key string, names ...string) querycache.TierValue {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	v, err := tier.Get(ctx, key, names)
	if err == nil && len(v.Versions) != len(names) {
		err = fmt.Errorf("%d versions of %d names", len(v.Versions), len(names))
	}
	if err != nil {
		t.Errorf("get %q: %v", key, err)
		v.Versions = make([]uint64, len(names))
	}
	return v
}

func set(t *testing.T, tier querycache.Tier, key string, value []byte, ttl time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := tier.Set(ctx, key, value, ttl); err != nil {
		t.Errorf("set %q: %v", key, err)
	}
}

func raise(t *testing.T, tier querycache.Tier, names ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := tier.Raise(ctx, names); err != nil {
		t.Errorf("raise %q: %v", names, err)
	}
}

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}
