package catalog

import (
	"slices"
	"strings"
	"testing"
)

func TestReadBody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, language string
		words          string // words that may be calls have a parenthesis
		writes         event
		opaque         bool
	}{
		{`SELECT a.f, G(1), "H" ('x') FROM "T ""q"" t"`, "sql", `select a f( g( H( from T "q" t`, 0, false},
		{`BEGIN UPDATE Ünï SET n=n+1; END`, "plpgsql", `begin update Ünï set n end`, onUpdate, false},
		{`BEGIN /* DELETE */ PERFORM 'DELETE' -- DELETE
			; END`, "plpgsql", `begin perform end`, 0, false},
		{`INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING`, "plpgsql", `insert into t values( on conflict do nothing`, onInsert, false},
		{`DO $$x$$`, "plpgsql", `do`, 0, true},
		{`DO /* */ LANGUAGE sql 'x'`, "plpgsql", `do language sql`, 0, true},
		{`SELECT U&"t"`, "sql", `select`, 0, true},
		{`BEGIN EXECUTE x; END`, "plpgsql", `begin execute x end`, 0, true},
		{`SELECT 'x`, "sql", `select`, 0, true},
		{`SELECT 1`, "plperl", `select`, 0, true},
		{`SELECT table_to_xml('x')`, "sql", `select table_to_xml(`, 0, true},
	} {
		b := readBody(c.text, c.language, true)
		var words []string
		for _, w := range b.words {
			if w.calls {
				w.name += "("
			}
			words = append(words, w.name)
		}
		if got := strings.Join(words, " "); got != c.words || b.writes != c.writes || b.opaque != c.opaque {
			t.Errorf("%s: words %s, writes %b, opaque %v", c.text, got, b.writes, b.opaque)
		}
	}
	if b := readBody(`SELECT É`, "sql", false); !b.opaque {
		t.Error("a letter that the server may fold is passed over")
	}
	if b := readBody(`SELECT a INTO b`, "sql", true); !b.into {
		t.Error("SELECT INTO is passed over")
	}
}

// FuzzReadBody: more text before or after never takes a word away, nor what it
// may do.
func FuzzReadBody(f *testing.F) {
	f.Add(`BEGIN UPDATE "a""b" SET x = $1; DO 'x'; END`, `SELECT 1;`)
	f.Add(`SELECT a . b (1) /* c */ FROM t -- d`, "/* */")
	f.Fuzz(func(t *testing.T, text, more string) {
		one := readBody(text, "plpgsql", true)
		if b := readBody(more, "plpgsql", true); b.opaque {
			return // may be a comment without an end
		}
		two := readBody(more+"\n"+text, "plpgsql", true)
		if two.opaque {
			return
		}
		for _, w := range one.words {
			if !slices.ContainsFunc(two.words, func(o word) bool { return o.name == w.name && (o.calls || !w.calls) }) {
				t.Errorf("%q after %q loses %v", text, more, w)
			}
		}
		if one.writes&^two.writes != 0 || one.opaque {
			t.Errorf("%q after %q does less", text, more)
		}
	})
}
