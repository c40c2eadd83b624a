package diagnose

import "testing"

func TestResidentOf(t *testing.T) {
	for statm, want := range map[string]uint64{"1000 250 3 4 5 6 7\n": 250 * 4096, "": 0, "1000": 0, "1000 x": 0} {
		if got := residentOf([]byte(statm), 4096); got != want {
			t.Errorf("%q: %d bytes, want %d", statm, got, want)
		}
	}
	if residentMemory() == 0 {
		t.Error("/proc/self/statm shows no resident memory")
	}
}
