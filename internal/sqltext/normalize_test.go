package sqltext

import (
	"strings"
	"testing"
)

func TestNormalized(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", ""},
		{" -- nothing\n;;", ""},
		{"SELECT\n\t*  FROM Cities;", "select * from cities"},
		{`SELECT "A", B, Ä FROM T`, `select "A", b, Ä from t`},
		{"select 1 /* traceparent='00-1' */", "select 1"},
		{"select /*+ SeqScan(A) */ 1 /*+ X */", "select /*+ SeqScan(A) */ 1 /*+ X */"},
		{"select 'A  b', E'\\N', $$ X $$", "select 'A  b', E'\\N', $$ X $$"},
		// The line end joins the parts to one constant.
		{"select 'foo'  \n\n  'bar'", "select 'foo'\n'bar'"},
		{"select 'foo' -- c\n -- d\r\n'bar'", "select 'foo'\n'bar'"},
		{"select E'\\1'\n'01'", "select E'\\1'\n'01'"},
		{"select 'a\nb'\n'c''\n'", "select 'a\nb'\n'c''\n'"},
		{"select $$a\n$$, $$\n'b'$$", "select $$a\n$$, $$\n'b'$$"},
		{"select a-1, a- -1, a - - 1, @ -1, a@-1", "select a - 1, a - - 1, a - - 1, @ - 1, a @- 1"},
		{"select a->'b'->>'c'", "select a -> 'b' ->> 'c'"},
		{"select a != 1, a <> 1", "select a <> 1, a <> 1"},
		{"select a :: INT, x[1:2], x [ 1 ], f(a:=1), f(a=>1)", "select a::int, x[1 : 2], x[1], f(a := 1), f(a => 1)"},
		{"select t . a, t.*, (t).a, (f(x)) . b, (.5), 1 .5", "select t.a, t.*, (t).a, (f(x)).b, (.5), 1 .5"},
		{"select count ( * ), a in(1,2), coalesce(a,b)", "select count(*), a in (1, 2), coalesce(a, b)"},
		{"select U&'d!0061' uescape '!'", "select U&'d!0061' uescape '!'"},
		{"select a & 'x', u & 'x', e 'x'", "select a & 'x', u & 'x', e 'x'"},
		{"BEGIN;;COMMIT;", "begin;; commit"},
		{"select 'open", "select 'open"},
		{"select {}", "select {}"},
	}
	for _, test := range tests {
		st := Analyze(test.text)
		if st.Normalized != test.want {
			t.Errorf("%q\n got %q\nwant %q", test.text, st.Normalized, test.want)
		}
	}
}

func TestIDDependsOnNormalizedText(t *testing.T) {
	same := []string{"SELECT a FROM t WHERE b = 1", "select a\nfrom t -- c\nwhere b=1;", "-- name: X :one\nSELECT A FROM T WHERE B=1"}
	for _, text := range same[1:] {
		if Analyze(text).ID != Analyze(same[0]).ID {
			t.Errorf("%q and %q differ", same[0], text)
		}
	}
	others := []string{`SELECT a FROM "T" WHERE b = 1`, "SELECT a FROM t WHERE b = 2", "SELECT a FROM t WHERE b = '1'", "SELECT /*+ x */ a FROM t WHERE b = 1"}
	for _, text := range others {
		if Analyze(text).ID == Analyze(same[0]).ID {
			t.Errorf("%q and %q are the same", same[0], text)
		}
	}
}

func TestFingerprintText(t *testing.T) {
	tests := []struct{ text, want string }{
		{"SELECT * FROM t WHERE a = 1 AND b = 'x' AND c = $3", "select * from t where a = ? and b = ? and c = ?"},
		{"SELECT -1, a - 1, (-1), a * -1, f(-1), - a", "select ?, a - ?, (?), a * ?, f(?), - a"},
		{"select x between -1 and -2 limit -3", "select x between ? and ? limit ?"},
		{"select case when a then 1 end - 1, current_date - 1, a[1] - 1", "select case when a then ? end - ?, current_date - ?, a[?] - ?"},
		{"select true, null, a is null, a is not true, not null, t.null, 1 as true", "select ?, ?, a is null, a is not true, not null, t.null, ? as true"},
		{"select a in (1), a in (1,2,3), a in ($1, -2, NULL)", "select a in (?), a in (?), a in (?)"},
		{"select a in ((1),(2)), (a,b) in ((1,2),(3,4))", "select a in ((?)), (a, b) in ((?, ?))"},
		{"select a in ($1::int, $2::int), a in (b, b), a in (1, b, 2, 3)", "select a in (?::int), a in (b, b), a in (?, b, ?)"},
		{"select a in (select 1, 1), (a, b) in (values (1, 2), (3, 4))", "select a in (select ?, ?), (a, b) in (values (?, ?))"},
		{"select array[1,2,3], array[[1,2],[3,4]], f(1, 2)", "select array[?], array[[?, ?]], f(?, ?)"},
		{"insert into t values (1,'a'),(2,'b'),(DEFAULT,null) returning 1", "insert into t values (?, ?) returning ?"},
		{"insert into t values (1,now()),(2,3)", "insert into t values (?, now()), (?, ?)"},
		{"insert into t values (1, array[1,2], 'x' in ('a','b')), (2, array[1], 'y' in ('c'))", "insert into t values (?, array[?], ? in (?))"},
		{"select * from (values (1),(2)) v(a), u", "select * from (values (?)) v(a), u"},
		{"values (1),(2) order by 1", "values (?) order by ?"},
		{"values (1),(2); values (3)", "values (?); values (?)"},
		{"select U&'a' uescape '!', 'a'\n'b', B'1', $$x$$", "select ?, ?, ?, ?"},
		{"select /*+ Hint */ 1", "select ?"},
		{"alter role r password 'secret'", "alter role r password ?"},
		{"select 'secret', 'open", "select ?, …"},
	}
	for _, test := range tests {
		st := Analyze(test.text)
		if got := st.FingerprintText(); got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.text, got, test.want)
		}
	}
}

func TestFingerprintMergesListsOfAnyLength(t *testing.T) {
	one := Analyze("select * from t where a in (1)").Fingerprint
	for _, list := range []string{"1,2", "$1", "'a','b','c'", strings.Repeat("7,", 1000) + "8"} {
		if Analyze("SELECT * FROM t WHERE a IN ("+list+")").Fingerprint != one {
			t.Errorf("list %.20s has a fingerprint of its own", list)
		}
	}
	if Analyze("select * from t where b in (1)").Fingerprint == one {
		t.Error("another column, the same fingerprint")
	}
}

func TestFingerprintShowsNoLiteralOfTextThatCannotBeRead(t *testing.T) {
	if text := Analyze("select 'secret', $$open").FingerprintText(); strings.Contains(text, "secret") || strings.Contains(text, "open") {
		t.Errorf("fingerprint shows a literal: %s", text)
	}
}
