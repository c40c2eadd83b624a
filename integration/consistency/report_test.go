package consistency_test

import (
	"strings"
	"testing"

	"github.com/headrace/headrace/integration/consistency"
)

// A run that found nothing counts only if it could have found something.
func TestBlindRunsFail(t *testing.T) {
	seeing := func() *consistency.Report {
		r := &consistency.Report{Reads: 1000, Hits: 300, Writes: 20, Lost: 1}
		for i := range r.Checks {
			r.Checks[i] = 1
		}
		return r
	}
	if err := seeing().Err(); err != nil {
		t.Errorf("a run that saw enough: %v", err)
	}
	for what, change := range map[string]func(*consistency.Report){
		"saw too little":                   func(r *consistency.Report) { r.Hits = 149 },
		"saw too little: 1000 reads":       func(r *consistency.Report) { r.Writes = 9 },
		"never answered from the cache: a": func(r *consistency.Report) { r.Unanswered = []string{"a"} },
		"0 of unknown outcome":             func(r *consistency.Report) { r.Lost = 0 },
		"300 failed":                       func(r *consistency.Report) { r.Failed = 300 },
		"0 reads":                          func(r *consistency.Report) { *r = consistency.Report{} },
		"never judged: dropped is gone":    func(r *consistency.Report) { r.Checks[consistency.Drops] = 0 },
		"1 of 1000 answers were wrong: ow": func(r *consistency.Report) { r.Violations[consistency.OwnWrites], r.First = 1, []string{"ow"} },
	} {
		r := seeing()
		change(r)
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("want an error with %q, got %v", what, err)
		}
	}
}
