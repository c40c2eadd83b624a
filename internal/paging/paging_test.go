package paging

import (
	"database/sql"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/internal/keyset"
	"github.com/headrace/headrace/internal/sqltext"
)

// The query of a page carries the statement's name.
func TestPageKeepsName(t *testing.T) {
	p, err := New(sqltext.Analyze("-- name: Cities :many\nSELECT id FROM cities"), []Order{{Column: "id"}})
	if err != nil {
		t.Fatal(err)
	}
	if name := sqltext.Analyze(p.SQL(keyset.Form{Limit: 10})).Name; name != "Cities" {
		t.Errorf("the page's query is called %q", name)
	}
}

// Orders and limits may come from users: the caches for them are bounded.
func TestPageTextsAreBounded(t *testing.T) {
	text := sqltext.Analyze("SELECT * FROM cities")
	var orders Orders
	for i := range 10 * maxOrders {
		order := []Order{{Column: strings.Repeat("x", i+1)}, {Column: "id", Desc: true}}
		run, err := orders.In(text, order)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := orders.In(text, order); err != nil || again != run {
			t.Fatalf("order %d is not kept: %v", i, err)
		}
		for limit := range 2 * maxTexts {
			if sql := run.SQL(keyset.Form{Limit: limit}); !strings.Contains(sql, "LIMIT") {
				t.Fatal(sql)
			}
		}
		if len(run.texts) > maxTexts || len(orders.bySpec) > maxOrders {
			t.Fatalf("%d texts, %d orders are kept", len(run.texts), len(orders.bySpec))
		}
	}
}

// Cursors are stored in bookmarks and other programs, and must remain valid:
// the texts below are a stored format.
func TestCursorBytes(t *testing.T) {
	p, err := New(sqltext.Analyze("-- name: Cities\nselect id, name from cities\nwhere population > $1 and founded < $2 and name <> $3"),
		[]Order{{Column: "name", Nulls: keyset.NullsFirst}, {Column: "id", Desc: true}})
	if err != nil {
		t.Fatal(err)
	}
	args := []any{1000, time.Date(1291, 8, 1, 12, 0, 0, 0, time.UTC), "Bern"}
	at := keyset.Position{Values: []keyset.Value{{Type: 25, Text: "Zürich"}, {Type: 23, Text: "261"}}, Tied: 1}
	for _, tt := range []struct {
		sign [][]byte
		want string
	}{
		{nil, "AQABGQhaw7xyaWNoFwQyNjGbRCEDv6LOXKd_zevrHwNf"},
		{[][]byte{[]byte("a secret of the service")}, "AQABGQhaw7xyaWNoFwQyNjEOsuTSOgwIPZU2Kcm4Sbx6"},
	} {
		place, err := p.Open("", tt.sign, args)
		if err != nil {
			t.Fatal(err)
		}
		if got := place.seal(at); got != tt.want {
			t.Errorf("signed %t: the cursor is now\n%s, was\n%s", tt.sign != nil, got, tt.want)
		}
		// The same values, as another program may represent them.
		again := []any{int16(1000), args[1].(time.Time).In(time.FixedZone("LMT", 1800)), sql.NullString{String: "Bern", Valid: true}}
		opened, err := p.Open(tt.want, tt.sign, again)
		if err != nil {
			t.Errorf("signed %t: %v", tt.sign != nil, err)
		} else if !reflect.DeepEqual(*opened.At, at) {
			t.Errorf("signed %t: opened as %+v", tt.sign != nil, opened.At)
		}
	}
}
