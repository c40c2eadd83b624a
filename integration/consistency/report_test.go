package consistency_test

import (
	"strings"
	"testing"

	"github.com/headrace/headrace/integration/consistency"
)

// A run without violations fails if it did too little to detect one.
func TestErr(t *testing.T) {
	seeing := func() *consistency.Report {
		r := &consistency.Report{Reads: 1000, Hits: 300, Writes: 20, Lost: 1}
		for i := range r.Checks {
			r.Checks[i] = 1
		}
		return r
	}
	if err := seeing().Err(); err != nil {
		t.Errorf("a run that did enough: %v", err)
	}
	for what, change := range map[string]func(*consistency.Report){
		"too few hits: tier memory": func(r *consistency.Report) {
			r.Tiers = []consistency.TierCounts{{Kind: "memory", Hits: 19}}
		},
		"did too little":                  func(r *consistency.Report) { r.Hits = 149 },
		"did too little: 1000 reads":      func(r *consistency.Report) { r.Writes = 9 },
		"never served from the cache: a":  func(r *consistency.Report) { r.Uncached = []string{"a"} },
		"0 in doubt":                      func(r *consistency.Report) { r.Lost = 0 },
		"300 failed":                      func(r *consistency.Report) { r.Failed = 300 },
		"0 reads":                         func(r *consistency.Report) { *r = consistency.Report{} },
		"never checked: invalidated":      func(r *consistency.Report) { r.Checks[consistency.Invalidations] = 0 },
		"1 violations in 1000 reads: own": func(r *consistency.Report) { r.Violations[consistency.OwnWrites], r.First = 1, []string{"own"} },
	} {
		r := seeing()
		change(r)
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("want an error with %q, got %v", what, err)
		}
	}
}
