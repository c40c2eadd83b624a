package records

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestAppendTime compares with the standard library's layouts, which know no era.
func TestAppendTime(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	zones := []*time.Location{time.UTC, time.FixedZone("", 5400), time.FixedZone("", -3600), time.FixedZone("", -3723)}
	for i := range 20_000 {
		at := time.Unix(random.Int64N(300e9)-60e9, random.Int64N(1e9)/1000*1000).In(zones[i%len(zones)])
		if i%5 == 0 {
			at = at.Truncate(time.Second)
		}
		year, era := at.Year(), ""
		if year <= 0 {
			year, era = 1-year, " BC"
		}
		want := fmt.Sprintf("%04d", year) + at.Format("-01-02 15:04:05.999999999"+zone(at)) + era
		if got := string(appendTime(nil, at, zone(at))); got != want {
			t.Fatalf("%v: got %s, want %s", at, got, want)
		}
	}
}
