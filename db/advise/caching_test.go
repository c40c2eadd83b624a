package advise

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/sqltext"
)

// TestHitRatio compares predictions with simulated traces.
func TestHitRatio(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, calls := range []int{50, 1000, 20_000} {
		for _, keys := range []int{1, 3, 50, 2000} {
			for _, writes := range []int{0, 1, 30, 1000, 20_000} {
				predicted := hitRatio(float64(calls), float64(writes), float64(keys))
				actual := simulated(random, calls, writes, keys)
				if math.Abs(predicted-actual) > 0.05 {
					t.Errorf("%d calls, %d writes, %d keys: predicted %.3f, simulated %.3f", calls, writes, keys, predicted, actual)
				}
			}
		}
	}
	if got := hitRatio(0, 5, 1); got != 0 {
		t.Errorf("without calls the ratio is %v", got)
	}
}

// simulated returns the mean hit ratio of random traces.
func simulated(random *rand.Rand, calls, writes, keys int) float64 {
	const traces = 5
	hits := 0
	for range traces {
		cached := make(map[int]bool)
		for left, leftWrites := calls, writes; left+leftWrites > 0; {
			if random.IntN(left+leftWrites) < leftWrites {
				leftWrites--
				clear(cached)
				continue
			}
			left--
			key := random.IntN(keys)
			if cached[key] {
				hits++
			}
			cached[key] = true
		}
	}
	return float64(hits) / float64(traces*calls)
}

func TestWritesTo(t *testing.T) {
	st := subject{text: sqltext.Analyze("SELECT 1"), all: []db.StatementStats{
		{Text: "update places set name = ?", Calls: 1},
		{Text: "insert into public.places values (?)", Calls: 2},
		{Text: "delete from other.places", Calls: 4},
		{Text: "insert into elsewhere values (?)", Calls: 8},
		{Text: "select ? from places", Calls: 16},
		{Text: "do ?", Calls: 32},
		{Text: "truncate places cascade", Calls: 64},
	}}
	for _, tc := range []struct {
		tables []string
		want   int64
	}{
		{[]string{"public.places"}, 1 + 2 + 32 + 64},
		{[]string{"places"}, 1 + 2 + 4 + 32 + 64},
		{[]string{"nothing"}, 32 + 64},
		{[]string{"*"}, 1 + 2 + 4 + 8 + 32 + 64},
	} {
		if got := writesTo(st, tc.tables); got != tc.want {
			t.Errorf("%v: %d writes, want %d", tc.tables, got, tc.want)
		}
	}
}
