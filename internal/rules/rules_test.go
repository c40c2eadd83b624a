package rules_test

import (
	"testing"

	"github.com/headrace/headrace/internal/rules"
)

func TestEachRuleHasItsName(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, r := range rules.All() {
		if r.String() == "" || seen[r.String()] {
			t.Errorf("rule %d has the name %q", int(r), r)
		}
		seen[r.String()] = true
	}
	if len(seen) == 0 {
		t.Error("there are no rules")
	}
}
