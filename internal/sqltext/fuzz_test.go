package sqltext

import (
	"slices"
	"strings"
	"testing"
)

// seeds are texts that mislead naive parsers.
var seeds = []string{
	"",
	"SELECT 1",
	"; ;select 'it''s', E'\\'', B'1', x'1F', n'x', U&'d\\0061', U&\"d!0061\" UESCAPE '!'",
	"select 'a' -- c\n 'b', E'\\1'\r\n'01', 'a' 'b'",
	"select $$a$b$$, $t$ $$ $t$, a$1, $1, \"a\"\"b\", \"Ä\", Straße",
	"select /* a /* b */ c */ 1 --x\n+ 2 /*+ Hint(a) */",
	"select a->'b', a#>>'{x}', a @> b, a ?| b, -1, a*-1, a @-1, a - -1, a!=b, a::int, f(a := 1, b => 2), x[1:2], x[a::int:b]",
	"select 1e10, 1., .5, 0x1F, 1_000, 1..10, 0b1, 0o7, 1.5e-3, 1 . 5, (.5), 1 .e5",
	"-- name: CityByID :one\nSELECT * FROM cities WHERE id = $1",
	"WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n+1 FROM t) SELECT * FROM t, LATERAL f(t.n) WITH ORDINALITY x(a, b)",
	"INSERT INTO t (a, b) VALUES (1, DEFAULT), (2, -3) ON CONFLICT (a) DO UPDATE SET b = excluded.b RETURNING *",
	"UPDATE t SET (a, b) = (SELECT 1, 2 FROM x) FROM y WHERE CURRENT OF c",
	"MERGE INTO t USING s ON a = b WHEN NOT MATCHED THEN INSERT VALUES (1) WHEN MATCHED THEN DELETE",
	"SELECT extract(day FROM x), a IS DISTINCT FROM b FROM ((a LEFT JOIN b USING (x)) CROSS JOIN c) FOR NO KEY UPDATE",
	"select x in (1, 2, (3)), array[1, 2], x in ($1,$2), (values (1),(2)), x in ((1,2),(3,4))",
	"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END; SELECT 2",
	"begin; update t set a = ?; commit",
	"((((", "))))", "select ([", "'", "\"", "$a$", "/*", "E'\\", "$", "\x00", "1a", "$1a", "$99999",
}

// FuzzLexer: tokens cover the text without gaps, and nothing follows an Invalid
// one.
func FuzzLexer(f *testing.F) {
	for _, text := range seeds {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l := NewLexer(text)
		at, last := 0, Space
		for {
			token, ok := l.Next()
			if !ok {
				break
			}
			if token.Pos != at || token.End <= token.Pos || token.End > len(text) || last == Invalid {
				t.Fatalf("token %+v after %d", token, at)
			}
			at, last = token.End, token.Kind
		}
		if at != len(text) || (last == Invalid) != (l.Err() != nil) {
			t.Fatalf("tokens end at %d of %d with %v and error %v", at, len(text), last, l.Err())
		}
	})
}

// FuzzEverything: every function of the package ends for every text, in work
// that is linear in its length.
func FuzzEverything(f *testing.F) {
	for _, text := range slices.Concat(seeds, utilitySeeds) {
		f.Add(text, 3)
	}
	f.Fuzz(func(t *testing.T, text string, n int) {
		readEverything(t, text)
		long := strings.Repeat(text, n&7)
		if steps := work(long); steps > 50*len(long)+50 {
			t.Fatalf("%q takes %d steps for %d bytes", long, steps, len(long))
		}
	})
}

// FuzzAnalyze: normalized text has the same tokens, normalizes to itself, and
// makes the same claims; literals leave no trace in fingerprints.
func FuzzAnalyze(f *testing.F) {
	for _, text := range slices.Concat(seeds, utilitySeeds) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		st := Analyze(text)
		if st.Err != nil {
			if st.Normalized != text || st.ReadOnly != Unknown || st.TablesKnown || st.Kind != Unrecognized {
				t.Fatalf("claims about what cannot be read: %+v", st)
			}
			return
		}
		again := Analyze(st.Normalized)
		if again.Normalized != st.Normalized || again.ID != st.ID {
			t.Fatalf("normalized %q becomes %q", st.Normalized, again.Normalized)
		}
		if again.Fingerprint != st.Fingerprint {
			t.Fatalf("fingerprints %q and %q", st.FingerprintText(), again.FingerprintText())
		}
		if a, b := tokens(text), tokens(st.Normalized); !slices.Equal(a, b) {
			t.Fatalf("tokens differ:\n%q\n%q", a, b)
		}
		if again.Kind != st.Kind || again.ReadOnly != st.ReadOnly || again.TablesKnown != st.TablesKnown ||
			!slices.Equal(again.Reads, st.Reads) || !slices.Equal(again.Writes, st.Writes) || !slices.Equal(again.Calls, st.Calls) {
			t.Fatalf("claims differ:\n%+v\n%+v", st, again)
		}
		if again.Runs != st.Runs || again.DDL != st.DDL || again.MakesTemporary != st.MakesTemporary ||
			Analyze(again.Inner.Of(again.Text)).Normalized != Analyze(st.Inner.Of(st.Text)).Normalized {
			t.Fatalf("claims differ:\n%+v\n%+v", st, again)
		}
	})
}

// tokens returns what the server's parser sees of a text, without semicolons at
// its ends.
func tokens(text string) []string {
	s := newScan(text)
	defer s.release()
	var list []string
	for _, it := range trimSemicolons(s.items) {
		word := s.word(it)
		switch {
		case it.kind == Word:
			word = strings.ToLower(word)
		case it.kind == String:
			word = string(appendString(nil, word))
		case word == "!=":
			word = "<>"
		}
		list = append(list, word)
	}
	return list
}

func FuzzStatements(f *testing.F) {
	for _, text := range seeds {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		whole := Analyze(text)
		parts := Statements(text)
		if whole.Err != nil {
			return
		}
		if len(parts) != whole.Count {
			t.Fatalf("%d statements, counted %d", len(parts), whole.Count)
		}
		for _, st := range parts {
			if text[st.Pos:st.Pos+len(st.Text)] != st.Text || st.Count != 1 {
				t.Fatalf("part %+v", st)
			}
		}
	})
}

func FuzzOutline(f *testing.F) {
	for _, text := range seeds {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parts, err := Outline(text)
		if err != nil {
			return
		}
		for _, span := range []Span{parts.With, parts.Body, parts.List, parts.OrderBy} {
			_ = span.Of(text)
		}
		if parts.Body.Empty() {
			t.Fatalf("no body in %+v", parts)
		}
		if _, err := Outline(parts.Body.Of(text)); err != nil && parts.With.Empty() {
			t.Fatalf("body %q: %v", parts.Body.Of(text), err)
		}
	})
}

func FuzzPlaceholders(f *testing.F) {
	for _, text := range seeds {
		f.Add(text)
	}
	f.Add("a=? AND b ?? 'x?' AND c=?AND d LIMIT? -- ?")
	f.Fuzz(func(t *testing.T, text string) {
		numbered, err := Placeholders(text)
		if err != nil {
			return
		}
		if st := Analyze(numbered); st.Err != nil || numbered == text && st.MaxParam != 0 {
			t.Fatalf("%q: max %d, %v", numbered, st.MaxParam, st.Err)
		}
	})
}
