package querycache

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/changes"
	"github.com/headrace/headrace/internal/sqltext"
)

// Explain names the remedy when results are not stored.
func TestExplainNamesTheRemedy(t *testing.T) {
	hour := Policy{TTL: time.Hour}
	for _, c := range []struct {
		policy Chooser
		sql    string
		refuse catalog.Refusal
		want   []string
	}{
		{hour, "SELECT f()", catalog.Refusal{Reason: catalog.VolatileFunction, Object: "public.f()"}, []string{"public.f()", "declare", "STABLE"}},
		{hour, "SELECT random()", catalog.Refusal{Reason: catalog.VolatileFunction, Object: "random()"}, []string{"random()", "volatile"}},
		{hour, "SELECT current_user", catalog.Refusal{Reason: catalog.SessionFunction, Object: "current_user"}, []string{"set Options.Scope"}},
		{hour, "SELECT 1 FROM t", catalog.Refusal{Reason: catalog.RowSecurity, Object: "public.t"}, []string{"set Options.Scope"}},
		{forever, "SELECT f()", catalog.Refusal{Reason: catalog.UnknownFunction, Object: "public.f()"}, []string{"set Policy.Tables", "TTL"}},
		{forever, "SELECT 1 FROM t", catalog.Refusal{Reason: catalog.UnloggedTable, Object: "public.t"}, []string{"crash", "set a TTL"}},
		{hour, "SELECT 1; SELECT 2", catalog.Refusal{}, []string{"the text holds 2 statements"}},
		{hour, " -- nothing", catalog.Refusal{}, []string{"the text holds 0 statements"}},
		{hour, "SELECT 'open", catalog.Refusal{}, []string{"cannot be tokenized"}},
		{Policy{}, "SELECT 1", catalog.Refusal{}, []string{"Policy.TTL is 0"}},
		{ByName{"A": hour}, "SELECT 1", catalog.Refusal{}, []string{"no policy", "no name"}},
		{ByName{"A": hour}, "-- name: B\nSELECT 1", catalog.Refusal{}, []string{"no policy", `"B"`}},
	} {
		o := newOffline(t, nil, c.policy)
		if c.refuse.Reason != catalog.NotRefused {
			o.reads.source.effects = inOne(func(context.Context, *sqltext.Statement) (catalog.Effects, error) {
				return catalog.Effects{Refusals: []catalog.Refusal{c.refuse}, WritesKnown: true}, nil
			})
		}
		e := o.reads.Explain(t.Context(), c.sql)
		for _, want := range c.want {
			if e.Cacheable || !strings.Contains(e.Detail, want) {
				t.Errorf("%s: explained as %v %q, want %q", c.sql, e.Reason, e.Detail, want)
			}
		}
		if c.refuse.Object == "random()" && strings.Contains(e.Detail, "declare") {
			t.Errorf("%s: explained as %q", c.sql, e.Detail)
		}
	}
}

// Explain reports entries that neither age nor changes invalidate.
func TestExplainNoBoundWithoutFollow(t *testing.T) {
	o := newOffline(t, nil, forever)
	if e := o.reads.Explain(t.Context(), citySQL); e.Detail != "" || e.MaxAge != -1 {
		t.Errorf("followed: %+v", e)
	}
	o.reads.source.followers = 0
	if e := o.reads.Explain(t.Context(), citySQL); !strings.Contains(e.Detail, "entries never become invalid") || !strings.Contains(e.Detail, "Cache.Follow") {
		t.Errorf("not followed: %+v", e)
	}
}

// Explain names the statement that invalidated all entries.
func TestExplainNamesStatementsWithUnknownEffects(t *testing.T) {
	o := newOffline(t, nil, forever)
	ctx := context.Background()
	o.want(ctx, "old", says("old"))
	for _, state := range []changes.ChangeState{changes.InDoubt, changes.Unchanged} {
		o.reads.source.handleChanges(ctx, []changes.Change{{All: true, Cause: "create table other()", State: state}})
	}
	if e := o.reads.Explain(ctx, citySQL); e.Detail != "" {
		t.Errorf("after a doubt: %+v", e)
	}
	o.reads.source.handleChanges(ctx, []changes.Change{{All: true, Cause: "call refresh()"}})
	o.want(ctx, "new", says("new"))
	if e := o.reads.Explain(ctx, citySQL); !e.Cacheable || !strings.Contains(e.Detail, "most recently `call refresh()`") {
		t.Errorf("explained as %+v", e)
	}
}

func TestMemoizeNamesTheMissingOption(t *testing.T) {
	c := newCache(t, nil)
	fn := func(context.Context, int) ([]int, error) { return nil, nil }
	_, err := Memoize(c, "m", forever, fn)
	if err == nil || !strings.Contains(err.Error(), "Policy.Shared") || !strings.Contains(err.Error(), "Aside with Clone") || strings.Contains(err.Error(), "set Clone") {
		t.Errorf("error %v", err)
	}
	if _, err := Memoize(c, "m", Policy{TTL: time.Hour, Shared: true}, fn); err != nil {
		t.Error(err)
	}
}
