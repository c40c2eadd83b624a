//go:build mutants

package querycache_test

import (
	"testing"
	"time"

	"github.com/headrace/headrace/querycache"
)

// Each rule of the cache, broken, is noticed by the checker.
func TestEachBrokenRuleIsCaught(t *testing.T) {
	for _, rule := range querycache.Rules() {
		t.Run(rule, func(t *testing.T) {
			querycache.Break(rule)
			t.Cleanup(func() { querycache.Break("") }) // runs last: after the caches are closed
			c := newChecker(t, 1)
			c.run(200_000, time.Minute, 1)
			c.report()
			if c.violations() == 0 {
				t.Errorf("not noticed in %d reads", c.asked.Load())
			}
		})
	}
}
