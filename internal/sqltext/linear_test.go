package sqltext

import (
	"fmt"
	"strings"
	"testing"
)

// families make texts of n similar parts, for which a naive parser would
// inspect each part once for each part before it.
var families = map[string]func(n int) string{
	"signs":                     repeat("SELECT 1 ", "+", "1"),
	"signs in turn":             repeat("SELECT 1 ", "+-*<", "1"),
	"operator with signs":       repeat("SELECT 1 @", "+", "1"),
	"operator ends in signs":    repeat("SELECT 1 ", "<", strings.Repeat("+", 1000)+"1"),
	"operators":                 repeat("SELECT 1", " + 1", ""),
	"parameters":                repeat("SELECT $1", ", $1", ""),
	"columns":                   numbered("SELECT 0", ", c%d", ""),
	"tables":                    numbered("SELECT * FROM t", ", t%d", ""),
	"joins":                     numbered("SELECT * FROM t", " JOIN t%d ON true", ""),
	"calls":                     numbered("SELECT 0", ", f%d()", ""),
	"unions":                    numbered("SELECT 0", " UNION SELECT * FROM t%d", ""),
	"statements":                numbered("", "SELECT f%[1]d() FROM t%[1]d;", ""),
	"WITH queries":              numbered("WITH a AS (SELECT 1)", ", a%[1]d AS (SELECT * FROM a%[1]d)", " SELECT 1"),
	"recursive WITH queries":    numbered("WITH RECURSIVE a AS (SELECT 1)", ", a%[1]d AS (SELECT * FROM a%[1]d)", " SELECT 1"),
	"names of WITH queries":     numbered("WITH RECURSIVE a AS (SELECT 1)", ", a%[1]d AS (WITH RECURSIVE b%[1]d AS (TABLE a%[1]d) TABLE b%[1]d)", " SELECT 1"),
	"nested recursive WITH":     repeat("", "WITH RECURSIVE a AS (", "SELECT 1"),
	"closed recursive WITH":     nested("WITH RECURSIVE a AS (", "SELECT 1", ") TABLE a"),
	"recursive WITH cut off":    repeat("SELECT 1", ", (WITH RECURSIVE a)", ""),
	"recursive WITH left open":  repeat("SELECT 1", ", (WITH RECURSIVE a", ""),
	"recursive WITH, one after": repeat("SELECT 1", ", (WITH RECURSIVE a AS (SELECT 1) TABLE a)", ""),
	"WITH then statements": func(n int) string {
		return numbered("WITH a AS (SELECT 1)", ", a%d AS (SELECT 1)", " SELECT 1")(n/2) + strings.Repeat(";SELECT a FROM b", n/2)
	},
	"open parentheses":          repeat("SELECT ", "(", ""),
	"parentheses":               nested("SELECT ", "1", ""),
	"queries in parentheses":    nested("", "SELECT 1", ""),
	"FROM in parentheses":       nested("SELECT * FROM ", "a", ""),
	"brackets":                  repeat("SELECT a", "[1]", ""),
	"IN list":                   repeat("SELECT a IN (1", ", 1", ")"),
	"IN list of words":          repeat("SELECT a IN (b", ", b", ")"),
	"IN lists within lists":     nested("SELECT a IN (b, a IN ", "1", ""),
	"nested IN":                 repeat("SELECT ", "a IN (b, ", ""),
	"nested IN, closed":         closed("SELECT ", "a IN (b, ", "c", ")"),
	"nested IN of literals":     closed("SELECT ", "a IN (1, 2, ", "3", ")"),
	"nested arrays":             closed("SELECT ", "ARRAY[ARRAY[b], ", "c", "]"),
	"VALUES":                    repeat("VALUES (1, 'a')", ", (1, 'a')", ""),
	"rows of VALUES":            numbered("VALUES (1, a)", ", (1, a%d)", ""),
	"nested VALUES":             closed("", "VALUES (b, (", "VALUES (1)", "))"),
	"line comments":             repeat("SELECT 1", " -- a\n", ""),
	"comments":                  repeat("SELECT 1", " /* a */", ""),
	"nested comments":           closed("SELECT 1", "/*", "", "*/"),
	"open comments":             repeat("SELECT 1", "/*", ""),
	"leading comments":          repeat("", "-- name:\n", "SELECT 1"),
	"hints":                     repeat("SELECT 1", " /*+ a */", ""),
	"strings over lines":        repeat("SELECT 'a'", "\n'a'", ""),
	"strings, comments between": repeat("SELECT 'a'", "\n-- a\n'a'", ""),
	"strings then comments":     repeat("SELECT 'a'", ", 'a'\n-- a\n--b\n", ""),
	"dollar quotes":             numbered("SELECT ''", ", $a%[1]d$x$a%[1]d$", ""),
	"dollar quote left open":    repeat("SELECT $a$", "$b$ $a", ""),
	"long tag":                  repeat("SELECT $", "a", "$ $"),
	"long name":                 repeat("SELECT a", "A", " FROM b"),
	"long quoted name":          repeat(`SELECT "a`, `""`, `" FROM b`),
	"long string":               repeat("SELECT 'a", "''", "'"),
	"long number":               repeat("SELECT 1", "_1", ""),
	"dots":                      repeat("SELECT a", ".a", ""),
	"casts":                     repeat("SELECT a", "::int", ""),
	"CASE":                      closed("SELECT ", "CASE WHEN a THEN ", "1", " END"),
	"semicolons":                repeat("SELECT 1", ";", ""),
	"savepoints":                numbered("BEGIN", "; SAVEPOINT s%[1]d; RELEASE s%[1]d", ""),
	"fetches":                   numbered("BEGIN", "; FETCH 1 FROM c%d", ""),
	"settings":                  repeat("SET a = 1", ", b", ""),
	"one name after another":    repeat("SELECT", " a", ""),
	"EXPLAIN":                   repeat("", "EXPLAIN ", "SELECT 1"),
	"EXPLAIN options":           repeat("EXPLAIN (", "ANALYZE, ", "COSTS) SELECT 1"),
	"EXPLAIN of parentheses":    nested("EXPLAIN ", "SELECT 1", ""),
	"COPY of parentheses":       nested("COPY ", "SELECT 1", " TO STDOUT"),
	"COPY WHERE":                repeat("COPY a FROM STDIN WHERE ", "f(b) AND ", "c"),
	"CREATE TABLE":              numbered("CREATE TABLE a (b int", ", c%d text DEFAULT f()", ")"),
	"CREATE TABLE AS":           repeat("", "CREATE TABLE a AS ", "SELECT 1"),
	"CREATE INDEX":              repeat("CREATE INDEX ON a (b", ", (f(b))", ")"),
	"CREATE FUNCTION":           repeat("CREATE FUNCTION f() ", "LANGUAGE sql ", "AS ''"),
	"PREPARE":                   repeat("", "PREPARE a AS ", "SELECT 1"),
	"DECLARE":                   repeat("", "DECLARE a CURSOR FOR ", "SELECT 1"),
	"TRUNCATE":                  numbered("TRUNCATE a", ", a%d", ""),
	"GROUP BY":                  repeat("SELECT 1 GROUP BY a", ", ROLLUP (a)", ""),
	"ORDER BY in calls":         closed("SELECT ", "f(a ORDER BY ", "1", ")"),
	"locking":                   repeat("SELECT 1 FROM a", " FOR UPDATE", ""),
	"MERGE":                     repeat("MERGE INTO a USING b ON true", " WHEN MATCHED THEN DELETE", ""),
	"question marks":            repeat("SELECT a ", "? ", ""),
}

func repeat(before, part, after string) func(int) string {
	return func(n int) string { return before + strings.Repeat(part, n) + after }
}

func nested(before, inner, after string) func(int) string {
	return closed(before, "(", inner, ")"+after)
}

func closed(before, open, inner, closing string) func(int) string {
	return func(n int) string {
		return before + strings.Repeat(open, n) + inner + strings.Repeat(closing, n)
	}
}

func numbered(before, part, after string) func(int) string {
	return func(n int) string {
		var b strings.Builder
		b.WriteString(before)
		for i := range n {
			fmt.Fprintf(&b, part, i)
		}
		b.WriteString(after)
		return b.String()
	}
}

// TestWorkIsLinear: four times the text is four times the work, counted in
// inspected items and names.
func TestWorkIsLinear(t *testing.T) {
	const n = 2000
	for name, family := range families {
		small, large := family(n), family(4*n)
		a, b := work(small), work(large)
		if most := 5 * a * len(large) / len(small) / 4; b > most {
			t.Errorf("%s: %d bytes take %d steps, %d bytes %d", name, len(small), a, len(large), b)
		}
		if most := 40 * len(large); b > most {
			t.Errorf("%s: %d bytes take %d steps", name, len(large), b)
		}
	}
}

// work returns the number of steps of Analyze.
func work(text string) int {
	s := newScan(text)
	defer s.release()
	describe(s)
	return s.work
}

// BenchmarkMegabyte reads texts of 1 MB.
func BenchmarkMegabyte(b *testing.B) {
	for name, family := range families {
		n := 1 << 20 * 1000 / len(family(1000))
		text := family(n)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Analyze(text)
			}
		})
	}
}
