package keyset

import (
	"slices"
	"strings"
	"testing"
)

var (
	name = Key{Column: "name"}
	id   = Key{Column: "id"}
)

func at(backward bool, values ...string) *Position {
	p := &Position{Backward: backward}
	for _, v := range values {
		p.Values = append(p.Values, Value{Null: v == "NULL", Text: v})
	}
	return p
}

// where holds the text after the first WHERE of each block, without the order.
func where(sql string) []string {
	var conditions []string
	for _, part := range strings.Split(sql, " WHERE ")[1:] {
		condition, _, _ := strings.Cut(part, " ORDER BY ")
		conditions = append(conditions, condition)
	}
	return conditions
}

func TestConditions(t *testing.T) {
	desc := func(k Key) Key { k.Desc = true; return k }
	nullable := func(k Key) Key { k.Nullable = true; return k }
	first := func(k Key) Key { k.Nulls = NullsFirst; return k }
	last := func(k Key) Key { k.Nulls = NullsLast; return k }
	tied := func(p *Position, n int) *Position { p.Tied = n; return p }
	inclusive := func(p *Position) *Position { p.Inclusive = true; return p }
	tests := []struct {
		name string
		keys []Key
		at   *Position
		want []string
	}{
		{"first page", []Key{name, id}, nil, nil},
		{"last page", []Key{name, id}, &Position{Backward: true}, nil},
		{"one key", []Key{id}, at(false, "7"), []string{`"id" > $3`}},
		{"one direction", []Key{name, id}, at(false, "a", "7"), []string{`("name", "id") > ($3, $4)`}},
		{"backward", []Key{name, id}, at(true, "a", "7"), []string{`("name", "id") < ($3, $4)`}},
		{"inclusive", []Key{name, id}, inclusive(at(true, "a", "7")), []string{`("name", "id") <= ($3, $4)`}},
		{"mixed", []Key{desc(name), id}, at(false, "a", "7"), []string{`"name" <= $3 AND NOT ("name" = $3 AND "id" <= $4)`}},
		{"mixed, inclusive", []Key{desc(name), id}, inclusive(at(false, "a", "7")),
			[]string{`"name" <= $3 AND NOT ("name" = $3 AND "id" < $4)`}},
		{"mixed, many ties", []Key{desc(name), id}, tied(at(false, "a", "7"), 1),
			[]string{`"name" = $3 AND "id" > $4`, `"name" < $3`}},
		{"three runs", []Key{desc(name), id, desc(Key{Column: "x"})}, at(false, "a", "7", "y"),
			[]string{`"name" <= $3 AND NOT ("name" = $3 AND ("id" < $4 OR "id" = $4 AND "x" >= $5))`}},
		{"three runs, many ties in the first", []Key{desc(name), id, desc(Key{Column: "x"})}, tied(at(false, "a", "7", "y"), 1),
			[]string{`"name" = $3 AND "id" >= $4 AND NOT ("id" = $4 AND "x" >= $5)`, `"name" < $3`}},
		{"three runs, many ties in two", []Key{desc(name), id, desc(Key{Column: "x"})}, tied(at(false, "a", "7", "y"), 2),
			[]string{`"name" = $3 AND "id" = $4 AND "x" < $5`, `"name" = $3 AND "id" > $4`, `"name" < $3`}},
		{"nullable, nulls last", []Key{nullable(name), id}, at(false, "a", "7"),
			[]string{`("name", "id") > ($3, $4)`, `"name" IS NULL`}},
		{"nullable, nulls first", []Key{first(nullable(name)), id}, at(false, "a", "7"),
			[]string{`("name", "id") > ($3, $4)`}},
		{"among the last NULLs", []Key{nullable(name), id}, at(false, "NULL", "7"),
			[]string{`"name" IS NULL AND "id" > $3`}},
		{"among the first NULLs", []Key{desc(nullable(name)), desc(id)}, at(false, "NULL", "7"),
			[]string{`"name" IS NULL AND "id" < $3`, `"name" IS NOT NULL`}},
		{"back from the last NULLs", []Key{nullable(name), id}, at(true, "NULL", "7"),
			[]string{`"name" IS NULL AND "id" < $3`, `"name" IS NOT NULL`}},
		{"descending, nulls last", []Key{last(desc(nullable(name))), desc(id)}, at(false, "a", "7"),
			[]string{`("name", "id") < ($3, $4)`, `"name" IS NULL`}},
		{"second key nullable", []Key{id, nullable(name)}, at(false, "7", "a"),
			[]string{`"id" = $3 AND "name" > $4`, `"id" = $3 AND "name" IS NULL`, `"id" > $3`}},
		{"NULL in the last key", []Key{id, nullable(name)}, at(false, "7", "NULL"), []string{`"id" > $3`}},
		{"NULL in the last key, inclusive", []Key{id, nullable(name)}, inclusive(at(false, "7", "NULL")),
			[]string{`"id" = $3 AND "name" IS NULL`, `"id" > $3`}},
		{"nothing behind the NULL", []Key{nullable(name)}, at(false, "NULL"), []string{"FALSE"}},
		{"type of the program's own", []Key{name, id}, &Position{Values: []Value{{Type: 16384, Text: "a"}, {Text: "7"}}},
			[]string{`("name", "id") > (CASE WHEN TRUE THEN $3 ELSE "name" END, $4)`}},
		{"composite", []Key{nullable(name), id}, &Position{Values: []Value{{Type: 16384, Text: "(,)"}, {Text: "7"}}},
			[]string{`("name", "id") > (CASE WHEN TRUE THEN $3 ELSE "name" END, $4)`, `"name" IS NOT DISTINCT FROM NULL`}},
		{"quoted", []Key{{Column: `a"b`}}, at(false, "1"), []string{`"a""b" > $3`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stmt := Statement{Body: "SELECT 1", Params: 2}
			sql := SQL(stmt, tt.keys, tt.at.Form(10))
			if got := where(sql); strings.Join(got, "; ") != strings.Join(tt.want, "; ") {
				t.Errorf("got  %q\nwant %q\nin %s", got, tt.want, sql)
			}
		})
	}
}

func TestSQL(t *testing.T) {
	stmt := Statement{With: "WITH c AS (SELECT 1)", Body: "SELECT * FROM t WHERE x = $1 -- why", Params: 1}
	keys := []Key{{Column: "name", Nullable: true, Nulls: NullsLast}, {Column: "id"}}
	tests := []struct {
		name string
		at   *Position
		want string
	}{
		{"single", nil, `WITH c AS (SELECT 1)
SELECT * FROM (SELECT * FROM t WHERE x = $1 -- why
) AS headrace_rows ORDER BY "name" NULLS LAST, "id" LIMIT 11`},
		{"lazy", at(false, "a", "7"), `WITH c AS (SELECT 1), headrace_rows AS NOT MATERIALIZED (SELECT * FROM t WHERE x = $1 -- why
),
headrace_block_0 AS MATERIALIZED (SELECT * FROM headrace_rows WHERE ("name", "id") > ($2, $3) ORDER BY "name" NULLS LAST, "id" LIMIT 11),
headrace_block_1 AS MATERIALIZED (SELECT * FROM (SELECT * FROM headrace_rows WHERE "name" IS NULL ORDER BY "name" NULLS LAST, "id" LIMIT 11) AS b LIMIT 11 - (SELECT count(*) FROM headrace_block_0))
SELECT * FROM headrace_block_0 UNION ALL SELECT * FROM headrace_block_1 ORDER BY "name" NULLS LAST, "id" /* types 0 */`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := SQL(stmt, keys, tt.at.Form(11)); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// The first block may fill the page of a nullable key, except at its end, but
// not a page within ties, which are few.
func TestFirst(t *testing.T) {
	nullable, desc := Key{Column: "name", Nullable: true}, Key{Column: "name", Desc: true}
	tests := []struct {
		name string
		keys []Key
		at   *Position
		want bool
	}{
		{"first page", []Key{nullable, id}, nil, false},
		{"last page", []Key{nullable, id}, &Position{Backward: true}, false},
		{"among values", []Key{nullable, id}, at(false, "a", "7"), true},
		{"among the NULLs", []Key{nullable, id}, at(false, "NULL", "7"), false},
		{"back from the NULLs", []Key{nullable, id}, at(true, "NULL", "7"), false},
		{"one block", []Key{name, id}, at(false, "a", "7"), false},
		{"ties", []Key{desc, id}, &Position{Values: at(false, "a", "7").Values, Tied: 1}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.at.Form(10)
			if got := FirstMayFill(tt.keys, s); got != tt.want {
				t.Fatalf("FirstMayFill = %t, want %t", got, tt.want)
			}
			s.First = true
			if got := where(SQL(Statement{Body: "SELECT 1"}, tt.keys, s)); tt.want && len(got) != 1 {
				t.Errorf("got the blocks %q, want one", got)
			}
		})
	}
}

// A column's type may be changed while statements are prepared.
func TestTypesMakeTexts(t *testing.T) {
	sql := func(typ uint32) string {
		p := &Position{Values: []Value{{Type: typ, Text: "1"}}}
		return SQL(Statement{Body: "SELECT 1"}, []Key{id}, p.Form(1))
	}
	if sql(20) == sql(23) {
		t.Error("the same text for a bigint and an integer")
	}
}

func TestArgs(t *testing.T) {
	got := at(false, "a", "NULL", "7").AppendArgs([]any{true})
	if len(got) != 3 || got[1] != "a" || got[2] != "7" {
		t.Errorf("arguments %v, want true, a and 7: a NULL is part of the text", got)
	}
	var first *Position
	if got := first.AppendArgs(nil); len(got) != 0 {
		t.Errorf("arguments %v for the first page", got)
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		keys []Key
		want string // part of the error, "" for none
	}{
		{[]Key{name, id}, ""},
		{nil, "no keys"},
		{make([]Key, MaxKeys+1), "more than"},
		{[]Key{{}}, "key 1 has no column"},
		{[]Key{id, {Column: "a\x00"}}, "zero byte"},
		{[]Key{id, name, id}, `"id" is a key twice`},
	}
	for _, tt := range tests {
		err := Check(tt.keys)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Check(%v) = %v, want %q", tt.keys, err, tt.want)
		}
	}
}

func TestWalks(t *testing.T) {
	desc := Key{Column: "x", Desc: true}
	tests := []struct {
		keys []Key
		want []int
	}{
		{[]Key{id}, nil},
		{[]Key{name, id}, nil},
		{[]Key{desc, id}, []int{1}},
		{[]Key{name, id, desc, desc, id}, []int{2, 4}},
	}
	for _, tt := range tests {
		if got := Walks(tt.keys); !slices.Equal(got, tt.want) {
			t.Errorf("Walks(%v) = %v, want %v", tt.keys, got, tt.want)
		}
	}
}

// The comparison wraps the page's query, in reading direction, and leaves it
// unchanged.
func TestComparedText(t *testing.T) {
	stmt := Statement{With: "WITH a AS (SELECT 1)", Body: "SELECT * FROM a"}
	keys := []Key{name, {Column: "id", Desc: true}}
	plain := Form{Limit: 3, Backward: true}
	compared := plain
	compared.Compare = true
	want := `SELECT *, ("name" <= lag("name") OVER headrace_before AND "name" >= lag("name") OVER headrace_before` +
		` OR "name" IS NOT DISTINCT FROM NULL AND lag("name") OVER headrace_before IS NOT DISTINCT FROM NULL)` +
		` AND ("id" <= lag("id") OVER headrace_before AND "id" >= lag("id") OVER headrace_before` +
		` OR "id" IS NOT DISTINCT FROM NULL AND lag("id") OVER headrace_before IS NOT DISTINCT FROM NULL) AS headrace_equal FROM (` +
		"\n" + SQL(stmt, keys, plain) + "\n" +
		`) AS headrace_page WINDOW headrace_before AS ( ORDER BY "name" DESC, "id") ORDER BY "name" DESC, "id"`
	if got := SQL(stmt, keys, compared); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
