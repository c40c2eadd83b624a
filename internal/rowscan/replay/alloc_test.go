//go:build !race

package replay_test

import "testing"

func TestScanFirstDoesNotAllocate(t *testing.T) {
	rec := record(t)
	var id int32
	if n := testing.AllocsPerRun(100, func() { _ = rec.ScanFirst(nil, &id, nil) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
