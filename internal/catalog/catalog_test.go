package catalog

import (
	"slices"
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/sqltext"
)

func TestNamesTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"now": true, " Today ": true, "{2020-01-01,TOMORROW}": true, "yesterday 12:00": true, "now2": true,
		"unknown": false, "snow": false, "nowhere": false, "": false, "2020-01-01": false, "infinity": false, "to day": false,
	} {
		if got := NamesTime(text); got != want {
			t.Errorf("NamesTime(%q) is %v", text, got)
		}
	}
}

func TestNamesTimeInConstants(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`SELECT now() -- 'today'`:         false,
		`SELECT "today" FROM t`:           false,
		`SELECT 'today'`:                  true,
		`SELECT $$Now$$`:                  true,
		`SELECT U&'\0074oday'`:            true,
		`SELECT U&'n!006Fw' UESCAPE '!'`:  true,
		"SELECT 'to'\n'day'":              true,
		"SELECT 'to' -- day\n 'day'":      true,
		"SELECT 'to''\n''day'":            false,
		"SELECT $$to\nday$$":              false,
		`SELECT '{"n"ow}'`:                true,
		`SELECT E'a\nb'`:                  true,
		`SELECT 'unknown', 'a', tomorrow`: false,
	} {
		if got := namesTime(text); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestWithoutParams(t *testing.T) {
	t.Parallel()
	got := withoutParams(`SELECT $1, '$1', "$2", $$ $1 $$, a$1, $2 -- $1`, []string{"integer", "text[]"})
	want := `SELECT (NULL::integer), '$1', "$2", $$ $1 $$, a$1, (NULL::text[]) -- $1`
	if got != want {
		t.Errorf("%s", got)
	}
}

func TestQuoteName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"city": "city", "a1_b": "a1_b", "": `""`, "City": `"City"`, "1a": `"1a"`, `a"b`: `"a""b"`, "straße": `"straße"`,
	} {
		if got := quoteName(name); got != want {
			t.Errorf("%q becomes %s", name, got)
		}
	}
}

// TestReasons: each reason has a text, and no reason that may expose another
// user's rows, or has a different result each time, allows caching for a time.
func TestReasons(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for reason := NotRefused; reason <= NotRead; reason++ {
		text := Refusal{Reason: reason}.String()
		if text == "" || seen[text] {
			t.Errorf("reason %d: text %q", reason, text)
		}
		seen[text] = true
	}
	for _, reason := range []Reason{SequenceState, SessionFunction, RowSecurity, SystemColumn, TemporaryTable, VolatileFunction, LocksRows, NotRead} {
		if reason.Timed() {
			t.Errorf("%s: kept for a time", Refusal{Reason: reason})
		}
	}
	if got := (Refusal{Reason: 200}).String(); got != "unknown reason" {
		t.Errorf("reason 200: %q", got)
	}
	if got := (Refusal{VolatileFunction, "random()"}).String(); got != "random(): volatile: its results differ between calls, or it writes" {
		t.Errorf("%q", got)
	}
}

// TestKindsOfStatements: each kind that sqltext knows is decided on, without
// a server where none is asked.
func TestKindsOfStatements(t *testing.T) {
	t.Parallel()
	for text, known := range map[string]bool{
		`BEGIN`: true, `COMMIT`: true, `ROLLBACK TO a`: true, `PREPARE TRANSACTION 'x'`: true, `LISTEN a`: true,
		`COMMIT PREPARED 'x'`: false, `DO 'x'`: false, `EXECUTE x`: false, `FETCH c`: false,
		`DELETE FROM a; DELETE FROM b`: false, `DROP TABLE a`: false, `GRANT a TO b`: false, `nonsense`: false,
		`EXPLAIN EXECUTE x`: false, `DISCARD ALL`: false,
	} {
		p := planStatement(sqltext.Analyze(text))
		if e := p.effects; p.asks() || e.WritesKnown != known || e.Cacheable || e.ReadOnly || len(e.Refusals) == 0 {
			t.Errorf("%s: %+v", text, p)
		}
	}
	if p := planStatement(sqltext.Analyze(`CALL f()`)); !p.asks() || p.effects.WritesKnown { // the server is asked what it leaves in the session
		t.Errorf("CALL f(): %+v", p)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	if len(settingNames) != 18 || ginFuzzySearchLimit != 1<<(len(settingNames)-1) {
		t.Error("a setting has no name")
	}
	names := (timeZone | dateStyle | lcTime).names()
	if !slices.IsSorted(names) || strings.Join(names, " ") != "DateStyle TimeZone lc_time" {
		t.Errorf("%v", names)
	}
}
