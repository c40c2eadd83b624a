package sqltext

import (
	"errors"
	"testing"
)

func TestOutlineParts(t *testing.T) {
	for _, test := range []struct{ text, with, body, list, order string }{
		{"SELECT a, b FROM t ORDER BY a, b DESC LIMIT 3; -- end", "", "SELECT a, b FROM t ORDER BY a, b DESC LIMIT 3", "a, b", "ORDER BY a, b DESC"},
		{
			"/* x */ WITH a AS (SELECT 1 ORDER BY 1), b AS (TABLE a) SELECT DISTINCT ON (c) c FROM b WHERE d IN (SELECT e ORDER BY e)",
			"WITH a AS (SELECT 1 ORDER BY 1), b AS (TABLE a)", "SELECT DISTINCT ON (c) c FROM b WHERE d IN (SELECT e ORDER BY e)", "c", "",
		},
		{"SELECT a FROM t UNION SELECT b FROM u ORDER BY 1", "", "SELECT a FROM t UNION SELECT b FROM u ORDER BY 1", "a", "ORDER BY 1"},
		{"(SELECT a FROM t ORDER BY a LIMIT 1) UNION (SELECT b FROM u ORDER BY b)", "", "(SELECT a FROM t ORDER BY a LIMIT 1) UNION (SELECT b FROM u ORDER BY b)", "a", ""},
		{"((SELECT a FROM t ORDER BY a))", "", "((SELECT a FROM t ORDER BY a))", "a", "ORDER BY a"},
		{"(SELECT a FROM t ORDER BY a LIMIT 1) ORDER BY b", "", "(SELECT a FROM t ORDER BY a LIMIT 1) ORDER BY b", "a", "ORDER BY b"},
		{"WITH a AS (SELECT 1) (SELECT b FROM a)", "WITH a AS (SELECT 1)", "(SELECT b FROM a)", "b", ""},
		{"VALUES (1), (2) ORDER BY 1", "", "VALUES (1), (2) ORDER BY 1", "", "ORDER BY 1"},
		{"TABLE t", "", "TABLE t", "", ""},
		{"SELECT FROM t", "", "SELECT FROM t", "", ""},
		{"SELECT array_agg(a ORDER BY a), row_number() OVER (ORDER BY b) FROM t", "", "SELECT array_agg(a ORDER BY a), row_number() OVER (ORDER BY b) FROM t", "array_agg(a ORDER BY a), row_number() OVER (ORDER BY b)", ""},
	} {
		parts, err := Outline(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		for _, part := range []struct {
			name string
			span Span
			want string
		}{{"with", parts.With, test.with}, {"body", parts.Body, test.body}, {"list", parts.List, test.list}, {"order", parts.OrderBy, test.order}} {
			if got := part.span.Of(test.text); got != part.want || part.span.Empty() != (part.want == "") {
				t.Errorf("%s\n%s is %q, want %q", test.text, part.name, got, part.want)
			}
		}
	}
}

func TestOutlineMarks(t *testing.T) {
	for _, test := range []struct {
		text string
		want QueryParts
	}{
		{"SELECT a FROM t", QueryParts{}},
		{"SELECT a FROM t LIMIT 1", QueryParts{Limit: true}},
		{"SELECT a FROM t OFFSET 1 ROW FETCH FIRST ROW ONLY", QueryParts{Limit: true, Offset: true}},
		{"SELECT a FROM t OFFSET 1", QueryParts{Offset: true}},
		{"(SELECT a FROM t LIMIT 1) OFFSET 1", QueryParts{Limit: true, Offset: true}},
		{"(SELECT a FROM t LIMIT 1) ORDER BY 1", QueryParts{}},
		{"(SELECT a FROM t ORDER BY 1) LIMIT 1", QueryParts{Limit: true}},
		{"SELECT a FROM (SELECT b FROM t LIMIT 1) q", QueryParts{}},
		{"SELECT DISTINCT a FROM t", QueryParts{}},
		{"SELECT DISTINCT ON (a) a FROM t", QueryParts{DistinctOn: true}},
		{"SELECT a FROM t GROUP BY a", QueryParts{Grouped: true}},
		{"SELECT 1 FROM t HAVING true", QueryParts{Grouped: true}},
		{"SELECT a FROM (SELECT DISTINCT b FROM t GROUP BY b) q", QueryParts{}},
		{"SELECT DISTINCT a FROM t UNION SELECT b FROM u", QueryParts{SetOperation: true}},
		{"SELECT a FROM (SELECT 1 UNION SELECT 2) q", QueryParts{}},
		{"SELECT a FROM t RIGHT JOIN u ON true", QueryParts{OuterJoin: true}},
		{"SELECT a FROM (SELECT b FROM t NATURAL FULL JOIN u) q", QueryParts{OuterJoin: true}},
		{"WITH q AS (SELECT b FROM t LEFT OUTER JOIN u USING (i)) SELECT a FROM q", QueryParts{OuterJoin: true}},
		{"SELECT left(a, 1) FROM t", QueryParts{}},
		{"SELECT a FROM t FOR UPDATE", QueryParts{Locking: true}},
		{"SELECT a FROM (SELECT b FROM t FOR SHARE) q", QueryParts{Locking: true}},
		{"WITH d AS (DELETE FROM t RETURNING a) SELECT a FROM d", QueryParts{Modifying: true}},
		{"SELECT a INTO u FROM t", QueryParts{Into: true}},
	} {
		got, err := Outline(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		got.With, got.Body, got.List, got.OrderBy = Span{}, Span{}, Span{}, Span{}
		if got != test.want {
			t.Errorf("%s\n got %+v\nwant %+v", test.text, got, test.want)
		}
	}
}

func TestOutlineRefuses(t *testing.T) {
	for _, test := range []struct {
		text string
		want error
	}{
		{"", ErrNotOne},
		{";", ErrNotOne},
		{"SELECT 1; SELECT 2", ErrNotOne},
		{"DELETE FROM t RETURNING a", ErrNotQuery},
		{"WITH a AS (SELECT 1) INSERT INTO t TABLE a", ErrNotQuery},
		{"SHOW x", ErrNotQuery},
		{"HANDLER t OPEN", ErrNotQuery},
		{"SELECT (1", ErrUnclear},
		{"SELECT 1 FROM a b c", ErrUnclear},
	} {
		if _, err := Outline(test.text); !errors.Is(err, test.want) {
			t.Errorf("%q: %v, want %v", test.text, err, test.want)
		}
	}
	var lexError *Error
	if _, err := Outline("SELECT 'a"); !errors.As(err, &lexError) || lexError.Pos != 7 {
		t.Errorf("unterminated string: %v", err)
	}
}
