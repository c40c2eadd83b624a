package querycache

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/db"
)

// An adopted pool tells nothing, so an answer without a bound would stay for
// ever.
func TestNoBoundNeedsAnObservedHandle(t *testing.T) {
	o := newOffline(t, nil, Policy{TTL: time.Hour})
	for _, choose := range []Chooser{forever, ByName{"": {TTL: time.Hour}, "CityByID": forever}} {
		if _, err := o.cache.ReadThrough(o.reads.pg, choose); !errors.Is(err, db.ErrUnobserved) {
			t.Errorf("%v: %v", choose, err)
		}
	}
	h, err := o.cache.ReadThrough(o.reads.pg, asChooser{forever})
	if err != nil {
		t.Fatal(err)
	}
	e := h.Explain(context.Background(), citySQL)
	if e.Keeps || e.Reason != RefusedPolicy || !strings.Contains(e.Detail, "TTL is -1") {
		t.Errorf("explained as %+v", e)
	}
}

func TestFollowNeedsAHandle(t *testing.T) {
	c := newCache(t, nil)
	if _, err := c.Follow(nil); err == nil {
		t.Error("no error")
	}
	o := newOffline(t, nil, forever)
	for range 2 { // an error leaves no lock behind
		if _, err := o.cache.Follow(o.reads.pg); !errors.Is(err, db.ErrUnobserved) {
			t.Errorf("an adopted pool: %v", err)
		}
	}
}
