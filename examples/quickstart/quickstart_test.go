package main

import (
	"strings"
	"testing"

	"github.com/headrace/headrace/batchinsert"
)

// good returns the facts of a run in which all claims hold.
func good() Facts {
	return Facts{
		Loaded: cityCount, WalkedRows: cityCount,
		OwnChangeSeen: true, OtherUnseen: true, OtherSeenAfter: true,
		Inserted: 500, Updated: 500,
	}
}

func TestCheckFindsEachBrokenClaim(t *testing.T) {
	f := good()
	if f.check(); f.Failed == nil || len(f.Failed) != 0 {
		t.Fatalf("a good run failed: %q", f.Failed)
	}
	for name, spoil := range map[string]func(*Facts){
		"loaded":       func(f *Facts) { f.Loaded-- },
		"walked":       func(f *Facts) { f.WalkedRows-- },
		"twice":        func(f *Facts) { f.WalkedTwice = 1 },
		"own change":   func(f *Facts) { f.OwnChangeSeen = false },
		"before TTL":   func(f *Facts) { f.OtherUnseen = false },
		"after TTL":    func(f *Facts) { f.OtherSeenAfter = false },
		"inserted":     func(f *Facts) { f.Inserted++ },
		"updated":      func(f *Facts) { f.Updated-- },
		"all the same": func(f *Facts) { f.Unchanged = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			f := good()
			spoil(&f)
			if f.check(); len(f.Failed) != 1 {
				t.Errorf("failed claims: %q, want one", f.Failed)
			}
		})
	}
}

func TestCheckFindsBrokenClaimsAboutRedis(t *testing.T) {
	for name, c := range map[string]struct {
		redis RedisFacts
		fails int
	}{
		"all hold":        {RedisFacts{Reads: 9, Served: 9, Changes: 3, ChangesSeen: 3}, 0},
		"from the server": {RedisFacts{Reads: 9, Served: 8, Changes: 3, ChangesSeen: 3}, 1},
		"unseen":          {RedisFacts{Reads: 9, Served: 9, Changes: 3, ChangesSeen: 2}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := good()
			f.Redis = &c.redis
			if f.check(); len(f.Failed) != c.fails {
				t.Errorf("failed claims: %q, want %d", f.Failed, c.fails)
			}
		})
	}
}

// Ratios do not fail a run, because they depend on the load of the machine.
func TestCheckIgnoresRatios(t *testing.T) {
	f := good()
	f.PageRatio, f.CacheRatio = 100, 0.1
	if f.check(); len(f.Failed) != 0 {
		t.Errorf("failed: %q", f.Failed)
	}
}

func TestBarFillsUp(t *testing.T) {
	var out strings.Builder
	bar(&out, batchinsert.Progress{Rows: 10, Bytes: 50, TotalBytes: 100})
	if !strings.Contains(out.String(), "]  50 %  10 rows") || strings.HasSuffix(out.String(), "\n") {
		t.Errorf("half way: %q", out.String())
	}
	out.Reset()
	bar(&out, batchinsert.Progress{Rows: 20, Bytes: 90, TotalBytes: 100, Done: true})
	if !strings.Contains(out.String(), "] 100 %  20 rows\n") {
		t.Errorf("at the end: %q", out.String())
	}
	out.Reset()
	bar(&out, batchinsert.Progress{Rows: 5}) // the total is unknown
	if strings.Contains(out.String(), "100 %") {
		t.Errorf("of unknown size: %q", out.String())
	}
}

func TestLabel(t *testing.T) {
	long := strings.Repeat("ü", 50)
	for _, c := range []struct{ name, text, want string }{
		{"CityByID", "select 1", "CityByID"},
		{"", "select 1", "select 1"},
		{"", long, strings.Repeat("ü", 37) + "..."},
	} {
		if got := label(c.name, c.text); got != c.want {
			t.Errorf("label(%q, %q) is %q, want %q", c.name, c.text, got, c.want)
		}
	}
}
