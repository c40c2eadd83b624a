package querycache

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/headrace/headrace/db"
)

func TestByNameCheckReportsUnknownNames(t *testing.T) {
	city := db.MustCompile[string](citySQL)
	unnamed := db.MustCompile[string]("SELECT 1")
	for _, c := range []struct {
		policies ByName
		stmts    []db.Compiled
		unknown  string
	}{
		{nil, nil, ""},
		{ByName{"": forever}, nil, ""},
		{ByName{"": forever, "CityByID": forever}, []db.Compiled{unnamed, city}, ""},
		{ByName{"CityById": forever, "CityByID": forever, "Cities": forever}, []db.Compiled{city}, `["Cities" "CityById"]`},
		{ByName{"CityByID": forever}, []db.Compiled{unnamed}, `["CityByID"]`},
	} {
		err := c.policies.Check(c.stmts...)
		if (err == nil) != (c.unknown == "") || err != nil && !strings.Contains(err.Error(), c.unknown) {
			t.Errorf("%v: %v", c.policies, err)
		}
	}
}

func TestUnusedPolicies(t *testing.T) {
	o := newOffline(t, nil, ByName{"": forever, "CityByID": forever, "CityById": forever})
	left := func(want ...string) {
		t.Helper()
		if got := o.reads.UnusedPolicies(); !slices.Equal(got, want) {
			t.Errorf("unread are %q, want %q", got, want)
		}
	}
	left("CityByID", "CityById")
	o.reads.Explain(t.Context(), citySQL)
	left("CityByID", "CityById")
	for range 2 {
		o.want(context.Background(), "a", says("a"))
	}
	left("CityById")
	if got := newOffline(t, nil, forever).reads.UnusedPolicies(); got != nil {
		t.Errorf("without names: %q", got)
	}
}
