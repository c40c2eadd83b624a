package cached

import (
	"math/rand/v2"
	"testing"
)

// best is the greatest number of hits, by trying everything.
func best(keys []uint32, held map[uint32]bool, entries int) int {
	if len(keys) == 0 {
		return 0
	}
	key := keys[0]
	if held[key] {
		return 1 + best(keys[1:], held, entries)
	}
	most := best(keys[1:], held, entries) // without keeping it
	if len(held) < entries {
		held[key] = true
		most = max(most, best(keys[1:], held, entries))
		delete(held, key)
		return most
	}
	for victim := range uint32(8) {
		if held[victim] {
			delete(held, victim)
			held[key] = true
			most = max(most, best(keys[1:], held, entries))
			delete(held, key)
			held[victim] = true
		}
	}
	return most
}

func TestBeladyIsTheBest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		keys := make([]uint32, 10)
		for i := range keys {
			keys[i] = r.Uint32N(5)
		}
		for entries := 1; entries <= 3; entries++ {
			want := float64(best(keys, map[uint32]bool{}, entries)) / 10
			if got := (trace{keys: keys, once: 8}).belady(entries); got != want {
				t.Errorf("%v with %d entries: %v, want %v", keys, entries, got, want)
			}
		}
	}
}

func TestZipfTrace(t *testing.T) {
	tr := zipfTrace(scanRequests, 100, true)
	seen := map[uint32]int{}
	once := 0
	for i, key := range tr.keys {
		seen[key]++
		if key >= tr.once {
			once++
			if seen[key] > 1 || i%3000 < 1000 {
				t.Fatalf("request %d: key %d of the scans, %d times", i, key, seen[key])
			}
		}
	}
	if len(tr.keys) != 120_000 || once != 80_000 || tr.warmUp != 40_000 {
		t.Errorf("%d requests, %d of scans, %d to warm up", len(tr.keys), once, tr.warmUp)
	}
}

// What is said to fit, fits: the ratios compare caches of one size.
func TestHeadraceFits(t *testing.T) {
	for _, entries := range []int{1000, 2000} {
		budget, err := budgetFor(t.Context(), entries)
		if err != nil {
			t.Fatal(err)
		}
		got, err := fits(t.Context(), budget, entries)
		if err != nil {
			t.Fatal(err)
		}
		if got > entries || got < entries*99/100 {
			t.Errorf("%d entries fit into %d bytes, want %d", got, budget, entries)
		}
	}
}
