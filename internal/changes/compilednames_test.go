package changes

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/internal/sqltext"
	"github.com/headrace/headrace/internal/stmtstats"
)

// A name is found by the address of the statement's text, and not by an equal
// text.
func TestNamesOfTexts(t *testing.T) {
	t.Parallel()
	var n nameTable
	const sql = "SELECT id FROM cities"
	first, second := sqltext.Analyze("-- name: First :many\n"+sql), sqltext.Analyze("-- name: Second :many\n"+sql)
	unnamed, unread := sqltext.Analyze(sql), sqltext.Analyze("-- name: Unread\nSELECT 'open")
	for _, text := range []*sqltext.Statement{first, second, unnamed, unread} {
		n.add(text)
	}
	if first.Normalized != second.Normalized || first.Normalized != unnamed.Normalized {
		t.Fatal("the statements are sent as different texts")
	}
	for _, c := range []struct{ sql, want string }{
		{first.Normalized, "First"}, {second.Normalized, "Second"}, {unnamed.Normalized, ""},
		{strings.Clone(first.Normalized), ""}, {unread.Normalized, ""}, {"", ""},
	} {
		if got := n.of(c.sql); got != c.want {
			t.Errorf("%q is called %q, want %q", c.sql, got, c.want)
		}
		if text := n.text(c.sql); c.want == "" && text != nil || c.want != "" && text.Name != c.want {
			t.Errorf("%q is the text of %+v, want that of %q", c.sql, text, c.want)
		}
	}
	runtime.KeepAlive([]*sqltext.Statement{first, second, unnamed, unread})
}

// Names of statements that the program dropped are removed.
func TestNamesAreForgotten(t *testing.T) {
	t.Parallel()
	var n nameTable
	for range 10 {
		n.add(sqltext.Analyze("-- name: Gone :one\nSELECT 1"))
		n.add(sqltext.Analyze("-- name: Gone :one\nSELECT 2"))
	}
	left := func() (count int) {
		n.byPlace.Range(func(any, any) bool { count++; return true })
		return count
	}
	for deadline := time.Now().Add(10 * time.Second); left() > 0 && time.Now().Before(deadline); {
		runtime.GC() // cleanups run some time after it
		time.Sleep(time.Millisecond)
	}
	if count := left(); count > 0 {
		t.Errorf("%d names are left", count)
	}
}

// Each name of a text has figures of its own, until there are too many names.
func TestStatsByName(t *testing.T) {
	t.Parallel()
	table := newStatementTable()
	const sql = "SELECT id FROM rivers"
	first := compiled("-- name: First :many\n" + sql)
	second := compiled("-- name: Second :many\n" + sql)
	for range 2 {
		for _, sql := range []string{sql, first.Normalized, second.Normalized, second.Normalized, "-- name: Third :many\n" + sql} {
			table.statsOf(table.get(sql), sql).Add(stmtstats.Call{Took: time.Second, Rows: 1})
		}
	}
	got := map[string]int64{}
	for _, stats := range table.fingerprints.Snapshot() {
		got[stats.Name] = stats.Calls
	}
	for name, calls := range map[string]int64{"": 2, "First": 2, "Second": 4, "Third": 2} {
		if got[name] != calls {
			t.Errorf("%q: %d calls, want %d", name, got[name], calls)
		}
	}
	for i := range stmtstats.MaxFingerprints {
		name := "n" + strings.Repeat("x", i)
		table.fingerprints.Of(sqltext.Analyze(sql), name)
	}
	third := compiled("-- name: Late :many\n" + sql)
	for range 3 {
		table.statsOf(table.get(third.Normalized), third.Normalized).Add(stmtstats.Call{Took: time.Second, Rows: 1})
	}
	if !slices.ContainsFunc(table.fingerprints.Snapshot(), func(s stmtstats.Snapshot) bool { return s.Fingerprint == 0 && s.Calls == 3 }) {
		t.Error("a name beyond the bound is not counted with the others")
	}
}

func BenchmarkStatsOf(b *testing.B) {
	table := newStatementTable()
	one := compiled("-- name: One :many\nSELECT id FROM rivers WHERE id = $1")
	st := table.get(one.Normalized)
	b.ReportAllocs()
	for b.Loop() {
		table.statsOf(st, one.Normalized)
	}
}

// compiled returns a text as db.Compile makes it known.
func compiled(sql string) *sqltext.Statement {
	st := sqltext.Analyze(sql)
	Compiled(st)
	return st
}
