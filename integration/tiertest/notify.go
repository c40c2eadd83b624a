package tiertest

import (
	"slices"
	"sync"
	"testing"

	"github.com/headrace/headrace/querycache"
)

// Raises records what a [querycache.TierNotifier] reports.
type Raises struct {
	mu    sync.Mutex
	names []string
	lost  int
}

// Listen records the reports of tier until the test ends.
func Listen(t *testing.T, tier querycache.TierNotifier) *Raises {
	r := &Raises{}
	t.Cleanup(tier.Notify(r.record))
	return r
}

func (r *Raises) record(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if names == nil {
		r.lost++
	}
	r.names = append(r.names, names...)
}

// Has reports whether a raise of name has been reported.
func (r *Raises) Has(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.names, name)
}

// Lost returns how many times a possible loss of raises has been reported.
func (r *Raises) Lost() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lost
}

// Await waits until a raise of name has been reported.
func (r *Raises) Await(t *testing.T, name string) {
	t.Helper()
	eventually(t, "report of the raise of "+name, func() bool { return r.Has(name) })
}

// AwaitLost waits until more than n possible losses have been reported.
func (r *Raises) AwaitLost(t *testing.T, n int) {
	t.Helper()
	eventually(t, "report of a loss", func() bool { return r.Lost() > n })
}

func testNotify(t *testing.T, open Open) {
	tier, ok := open(t).(querycache.TierNotifier)
	if !ok {
		return
	}
	other, names := open(t), unique("a", "b")
	get(t, tier, "key", names...)
	first, second := Listen(t, tier), &Raises{}
	stop := tier.Notify(second.record)
	raise(t, other, names...)
	for _, name := range names {
		first.Await(t, name)
		second.Await(t, name)
	}
	stop()
	stop()
	raise(t, other, "after."+names[0])
	first.Await(t, "after."+names[0])
	if second.Has("after." + names[0]) {
		t.Error("a function was called after its stop")
	}
}
