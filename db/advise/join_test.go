package advise

import "testing"

func TestMayLookUp(t *testing.T) {
	for _, tc := range []struct {
		joinType string
		want     [2]bool // by side
	}{
		{"Inner", [2]bool{true, true}},
		{"Left", [2]bool{false, true}},
		{"Semi", [2]bool{false, true}},
		{"Anti", [2]bool{false, true}},
		{"Right", [2]bool{true, false}},
		{"Right Semi", [2]bool{true, false}},
		{"Right Anti", [2]bool{true, false}},
		{"Full", [2]bool{}},
		{"", [2]bool{}},
	} {
		for side, want := range tc.want {
			if got := mayLookUp(&plan{JoinType: tc.joinType}, side); got != want {
				t.Errorf("%s, side %d: %v, want %v", tc.joinType, side, got, want)
			}
		}
	}
}
