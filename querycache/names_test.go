package querycache

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/sqltext"
)

func TestSplitName(t *testing.T) {
	long := strings.Repeat("a", 62)
	for text, want := range map[string][]string{
		"cities":               {"cities"},
		"Cities":               {"cities"},
		`"Cities"`:             {"Cities"},
		"geo.cities":           {"geo", "cities"},
		` Geo . "a.b" `:        {"geo", "a.b"},
		`"say ""hi"""`:         {`say "hi"`},
		"prod.geo.cities":      {"prod", "geo", "cities"},
		"_a$1":                 {"_a$1"},
		"STRAßE":               {"straße"},
		"ÉTÉ":                  {"ÉtÉ"},
		long + "bc":            {long + "b"},
		`"` + long + `é"`:      {long},
		"user":                 {"user"},
		`"books b"`:            {"books b"},
		"":                     nil,
		".cities":              nil,
		"geo.":                 nil,
		"a.b.c.d":              nil,
		"books b":              nil,
		"a, b":                 nil,
		"1a":                   nil,
		`""`:                   nil,
		`"a`:                   nil,
		`"a"b`:                 nil,
		"a; DROP TABLE b":      nil,
		"cities -- not a name": nil,
		"\"a\x00\"":            nil,
		"cities*":              nil,
	} {
		if got, ok := splitName(text); ok != (want != nil) || !slices.Equal(got, want) {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func FuzzSplitName(f *testing.F) {
	f.Add(`geo."a.b"`)
	f.Fuzz(func(t *testing.T, text string) {
		parts, ok := splitName(text)
		if !ok {
			return
		}
		again, ok := splitName(quoteParts(parts))
		if !ok || !slices.Equal(parts, again) {
			t.Errorf("%q is %q, and quoted %q", text, parts, again)
		}
	})
}

// With an unknown name in Policy.Tables nothing is stored, the server is asked
// again after misnamedFor, and reads of an Aside fail.
func TestUnknownPolicyTables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		policy := Policy{TTL: time.Hour, Tables: []string{"cites"}}
		o := newOffline(t, nil, policy)
		there, asked := false, 0
		o.reads.source.effects = inOne(func(_ context.Context, text *sqltext.Statement) (catalog.Effects, error) {
			if strings.Contains(text.Normalized, "cites") {
				asked++
				if !there {
					return catalog.Effects{}, &pgconn.PgError{Code: "42P01", Message: `relation "cites" does not exist`}
				}
			}
			return catalog.Effects{Reads: []catalog.Relation{citiesTable}, ReadsKnown: true, Cacheable: true}, nil
		})
		if e := o.reads.Explain(ctx, citySQL); e.Cacheable || e.Reason != RefusedPolicy || !strings.Contains(e.Detail, `Policy.Tables: cites: relation "cites" does not exist`) {
			t.Errorf("explained as %+v", e)
		}
		asked = 0
		for range 5 {
			o.want(ctx, "v", says("v"))
		}
		o.counted(map[Reason]uint64{RefusedPolicy: 5})
		if asked != 1 {
			t.Errorf("the server was asked %d times", asked)
		}
		a := newAside(t, o.cache, AsideOptions[int, int]{Name: "a", Policy: policy, Source: o.reads.pg, Load: func(context.Context, int) (int, error) { return 1, nil }})
		_, err := a.Get(ctx, 1)
		if pgErr := (*namesError)(nil); !errors.As(err, &pgErr) || !strings.Contains(err.Error(), `aside "a": Policy.Tables: cites`) {
			t.Errorf("Get: %v", err)
		}
		if _, err := a.GetMany(ctx, []int{1, 2}); err == nil {
			t.Error("GetMany: no error")
		}
		there = true
		time.Sleep(2 * misnamedFor)
		o.want(ctx, "stored", says("stored"))
		o.want(ctx, "stored", says("unasked"))
		if v, err := a.Get(ctx, 1); v != 1 || err != nil {
			t.Errorf("Get: %d, %v", v, err)
		}
		o.close()
	})
}
