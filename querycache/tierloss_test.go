package querycache

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A losing tier goes back to earlier versions during a Get.
type losing struct {
	lose   func(names []string) // nil before Notify
	during bool                 // the next Get reads what was restored
	raised chan struct{}        // receives each raise
}

func (*losing) Name() string { return "losing" }

func (l *losing) Get(context.Context, string, []string) (TierValue, error) {
	if l.during {
		l.during = false
		l.lose(nil)
		<-l.raised // the raise is over before the value arrives
	}
	return TierValue{Value: []byte("old"), TTL: time.Second, Versions: []uint64{1}}, nil
}

func (*losing) Set(context.Context, string, []byte, time.Duration) error { return nil }

func (l *losing) Raise(context.Context, []string) error {
	select {
	case l.raised <- struct{}{}:
	default:
	}
	return nil
}

func (l *losing) Notify(fn func([]string)) (stop func()) {
	l.lose = fn
	return func() {}
}

// A value that a tier reads around a loss of its versions may be one from before
// a raise of this process, and is not used.
func TestTierLosesDuringGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tier := &losing{raised: make(chan struct{})}
		c, err := New(&Options{Tiers: []Tier{tier}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		link, names := c.tiers[0], []string{"t/1/2"}
		link.raise(names)
		if _, ok := link.get(t.Context(), "key", names); !ok {
			t.Error("a value was refused before the loss")
		}
		tier.during = true
		if v, ok := link.get(t.Context(), "key", names); ok {
			t.Errorf("got %s, which was read around a loss", v.Value)
		}
		synctest.Wait()
		if _, ok := link.get(t.Context(), "key", names); !ok {
			t.Error("a value was refused after the names were raised again")
		}
	})
}
