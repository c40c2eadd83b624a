package advise

import (
	"reflect"
	"testing"
)

func TestQuoted(t *testing.T) {
	for name, want := range map[string]string{
		"orders": "orders", "order": `"order"`, "Orders": `"Orders"`, "a b": `"a b"`, "1st": `"1st"`, "x1_y": "x1_y",
		`we"ird`: `"we""ird"`, "é": `"é"`, "": `""`, "user": `"user"`, "status": "status",
	} {
		if got := quoted(name); got != want {
			t.Errorf("quoted(%s) is %s, want %s", name, got, want)
		}
	}
}

func TestQuoteLiteral(t *testing.T) {
	if got, want := quoteLiteral(`it's \ here`), `E'it\'s \\ here'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFieldsOf(t *testing.T) {
	type base struct{ CreatedAt string }
	type row struct {
		base
		*Embedded
		ID      int
		Amount  int    `db:"total,omitempty"`
		Ignored string `db:"-"`
		hidden  int
	}
	fields := fieldsOf(reflect.TypeFor[row]())
	for column, want := range map[string]bool{
		"id": true, "ID": true, "total": true, "amount": false, "ignored": false, "hidden": false,
		"created_at": true, "createdat": true, "user_name": true, "base": false,
	} {
		if got := fields.has(column); got != want {
			t.Errorf("%s: %v, want %v", column, got, want)
		}
	}
	_ = row{}.hidden
	if structOf(reflect.TypeFor[**row]()) != reflect.TypeFor[row]() || structOf(reflect.TypeFor[int]()) != nil {
		t.Error("structOf")
	}
}

// Embedded is a struct that another embeds.
type Embedded struct{ UserName string }

func TestUnqualified(t *testing.T) {
	for expression, want := range map[string]string{
		"lower((o.email)::text)": "lower((email)::text)",
		"o.a + o.b":              "a + b",
		"pg_catalog.lower(o.a)":  "pg_catalog.lower(a)",
	} {
		if got := unqualified(expression, "o"); got != want {
			t.Errorf("%s: got %s, want %s", expression, got, want)
		}
	}
}

func TestDuplicates(t *testing.T) {
	key := func(name string) indexKey { return indexKey{Column: name, Class: "int4_ops", Default: true} }
	named := func(name string, keys ...indexKey) index {
		return index{Name: name, Method: "btree", Valid: true, Keys: keys}
	}
	unique := named("unique", key("a"))
	unique.Unique = true
	partial := named("partial", key("a"))
	partial.Predicate = "(a > 5)"
	down := named("down", indexKey{Column: "a", Class: "int4_ops", Default: true, Descending: true})
	covering := named("covering", key("a"))
	covering.Include = []string{"b"}
	for _, tc := range []struct {
		x, by index
		want  bool
	}{
		{named("x", key("a")), named("y", key("a"), key("b")), true},
		{named("x", key("a"), key("b")), named("y", key("b"), key("a")), false},
		{named("x", key("a")), named("y", key("b")), false},
		{named("y", key("a")), named("x", key("a")), true},
		{named("x", key("a")), named("y", key("a")), false}, // the other one is the duplicate
		{named("x", key("a")), unique, true},
		{unique, named("x", key("a"), key("b")), false},
		{partial, named("x", key("a"), key("b")), false},
		{named("x", key("a")), down, false},
		{named("x", key("a")), covering, true},
		{covering, named("x", key("a")), false},
		{covering, named("x", key("a"), key("b")), true},
	} {
		both := table{Indexes: []index{tc.x, tc.by}}
		if got := both.duplicates(&both.Indexes[0]) != nil; got != tc.want {
			t.Errorf("%s of %s: %v, want %v", tc.x.Name, tc.by.Name, got, tc.want)
		}
	}
}
