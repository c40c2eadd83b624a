package advise

import "testing"

func TestConditions(t *testing.T) {
	for _, tc := range []struct {
		text string
		want []condition // without text
	}{
		{"(o.status = 'open'::text)", []condition{{op: equal, column: "status", value: "'open'::text"}}},
		{"((o.a = $1) AND (o.b > 5))", []condition{{op: equal, column: "a", value: "$1"}, {op: ordered, column: "b", value: "5"}}},
		{"($1 < o.b)", []condition{{op: ordered, column: "b", value: "$1"}}},
		{"(o.id = ANY ('{1,2}'::integer[]))", []condition{{op: anyOf, column: "id", value: "ANY ('{1,2}'::integer[])"}}},
		{"(o.id <> ALL ('{1,2}'::integer[]))", []condition{{op: other, column: "id", value: "ALL ('{1,2}'::integer[])"}}},
		{"(o.deleted_at IS NULL)", []condition{{op: isNull, column: "deleted_at"}}},
		{"(o.deleted_at IS NOT NULL)", []condition{{op: isNotNull, column: "deleted_at"}}},
		{"o.active", []condition{{op: isTrue, column: "active"}}},
		{"(NOT o.active)", []condition{{op: isFalse, column: "active"}}},
		{"((o.id)::numeric = $1)", []condition{{op: equal, column: "id", cast: "numeric", value: "$1"}}},
		{"((o.t)::timestamp without time zone = $1)", []condition{{op: equal, column: "t", cast: "timestamp without time zone", value: "$1"}}},
		{"(lower((o.email)::text) = 'x'::text)", []condition{{op: equal, column: "email", wrapped: "lower((o.email)::text)", value: "'x'::text"}}},
		{"((o.a + 1) = 5)", []condition{{op: equal, column: "a", wrapped: "o.a + 1", value: "5"}}},
		{"(o.customer_id = c.id)", []condition{{op: equal, column: "customer_id", value: "c.id", foreign: true}}},
		{"(c.id = o.customer_id)", []condition{{op: equal, column: "customer_id", value: "c.id", foreign: true}}},
		{"(o.a = o.b)", []condition{{op: other}}},
		{"((o.a = 1) OR (o.b = 2))", []condition{{op: other}}},
		{"(o.name ~~ '%x'::text)", []condition{{op: like, column: "name", value: "'%x'::text"}}},
		{"(o.\"Odd Name\" = 1)", []condition{{op: equal, column: "Odd Name", value: "1"}}},
		{"(o.t >= (pg_catalog.now() - '1 day'::interval))", []condition{{op: ordered, column: "t", value: "(pg_catalog.now() - '1 day'::interval)"}}},
		{"(o.a = (InitPlan 1).col1)", []condition{{op: equal, column: "a", value: "(InitPlan 1).col1", foreign: true}}},
		{"(o.a = (SubPlan 1))", []condition{{op: other}}},
		{"(hashed SubPlan 1)", []condition{{op: other}}},
		{"", nil},
		{"(o.a = 'unfinished", nil},
	} {
		got := conditions(tc.text, "o")
		if len(got) != len(tc.want) {
			t.Errorf("%s: %d conditions, want %d", tc.text, len(got), len(tc.want))
			continue
		}
		for i := range got {
			got[i].text = ""
			if got[i] != tc.want[i] {
				t.Errorf("%s: got %+v, want %+v", tc.text, got[i], tc.want[i])
			}
		}
	}
}

func TestRedactLeavesNoConstant(t *testing.T) {
	for expression, want := range map[string]string{
		"":                                   "",
		"(o.a = 'hunter2'::text)":            "(o.a = ?::text)",
		"(o.a = ANY ('{1,2}'::integer[]))":   "(o.a = any (?::integer[]))",
		"((o.a = $1) AND (o.b > '-5'::int))": "((o.a = ?) and (o.b > ?::int))",
		"(o.a = 'hunter2":                    "(o.a = …",
		"o.a DESC":                           "o.a desc",
		"1; SELECT 'hunter2'":                "?; select ?",
	} {
		if got := redact(expression); got != want {
			t.Errorf("redact(%s) is %s, want %s", expression, got, want)
		}
	}
}

func TestRenumbered(t *testing.T) {
	all := conditions("((o.a = $3) AND (o.b > $5) AND (o.c < $3) AND (o.d = c.id) AND (o.e < c.x))", "o")
	text, params := renumbered(all, func(c condition) string { return "o." + c.column })
	if want := "(o.a = $1) AND (o.b > $2) AND (o.c < $1) AND o.d = $3 AND true"; text != want || params != 3 {
		t.Errorf("got %s and %d, want %s and 3", text, params, want)
	}
}
