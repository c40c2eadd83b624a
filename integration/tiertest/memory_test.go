package tiertest_test

import (
	"testing"

	"github.com/headrace/headrace/integration/tiertest"
	"github.com/headrace/headrace/querycache"
)

func TestMemory(t *testing.T) {
	store := tiertest.NewMemory("memory")
	tiertest.Run(t, func(*testing.T) querycache.Tier { return store.Tier() })
}

func TestMemoryLoss(t *testing.T) {
	store := tiertest.NewMemory("memory")
	tiertest.RunLoss(t, func(*testing.T) querycache.Tier { return store.Tier() }, func(*testing.T) { store.Flush() })
}

// A restored store has its old versions, and its Tiers hear of that first.
func TestMemoryRestore(t *testing.T) {
	store := tiertest.NewMemory("memory")
	tier := store.Tier()
	before, err := tier.Get(t.Context(), "key", []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	heard := tiertest.Listen(t, tier)
	store.Save()
	if err := tier.Raise(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	store.Restore()
	after, err := tier.Get(t.Context(), "key", []string{"a"})
	if err != nil || after.Versions[0] != before.Versions[0] {
		t.Errorf("version %x, %v; want %x as in the snapshot", after.Versions, err, before.Versions)
	}
	if heard.Lost() != 1 {
		t.Errorf("%d losses reported, want 1", heard.Lost())
	}
}
