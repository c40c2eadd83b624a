package migrations

import (
	"testing"
	"time"
)

func TestMergeStates(t *testing.T) {
	now := time.Now()
	got := mergeStates(
		[]source{{1, "1_a.sql"}, {3, "3_c.sql"}},
		map[int64]time.Time{1: now, 2: now},
	)
	want := []State{{1, "1_a.sql", now}, {2, "", now}, {3, "3_c.sql", time.Time{}}}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("state %d is %v, want %v", i, got[i], want[i])
		}
	}
	if got[0].Pending() || !got[2].Pending() {
		t.Error("applied and pending are mixed up")
	}
}
