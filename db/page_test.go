package db

import (
	"database/sql"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/internal/keyset"
	"github.com/headrace/headrace/internal/sqltext"
)

// The query around a statement is known by the statement's name.
func TestPageKeepsName(t *testing.T) {
	p, err := newPaging(sqltext.Analyze("-- name: Cities :many\nSELECT id FROM cities"), Pager{Keys: []Order{Asc("id")}})
	if err != nil {
		t.Fatal(err)
	}
	if name := sqltext.Analyze(p.sql(keyset.Shape{Limit: 10})).Name; name != "Cities" {
		t.Errorf("the page's query is called %q", name)
	}
}

// Orders and limits may come from users: what is kept for them is bounded.
func TestPageTextsAreBounded(t *testing.T) {
	s := MustCompile[map[string]any]("SELECT * FROM cities")
	for i := range 10 * maxPagings {
		p := Pager{Keys: []Order{Asc(strings.Repeat("x", i+1)), Desc("id")}}
		run, err := s.paged.in(s.text, p)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := s.paged.in(s.text, p); err != nil || again != run {
			t.Fatalf("order %d is not kept: %v", i, err)
		}
		for limit := range 2 * maxPageTexts {
			if sql := run.sql(keyset.Shape{Limit: limit}); !strings.Contains(sql, "LIMIT") {
				t.Fatal(sql)
			}
		}
		if len(run.texts) > maxPageTexts || len(s.paged.bySpec) > maxPagings {
			t.Fatalf("%d texts, %d orders are kept", len(run.texts), len(s.paged.bySpec))
		}
	}
}

// What a kept page depends on is part of its key.
func TestPageKeys(t *testing.T) {
	text := sqltext.Analyze("SELECT id, name FROM cities")
	seen := make(map[string]int)
	secret := []byte("a secret of the service")
	for i, call := range []struct {
		keys  []Order
		sign  [][]byte
		at    Cursor
		limit int
	}{
		{[]Order{Asc("id")}, nil, "", 10},
		{[]Order{Asc("id")}, nil, "", 11},
		{[]Order{Asc("id")}, nil, "a", 10},
		{[]Order{Desc("id")}, nil, "", 10},
		{[]Order{Asc("id").NullsFirst()}, nil, "", 10},
		{[]Order{Asc("id").Nullable()}, nil, "", 10},
		{[]Order{Asc("name"), Asc("id")}, nil, "", 10},
		{[]Order{Asc("id")}, [][]byte{secret}, "", 10},
		{[]Order{Asc("id")}, [][]byte{secret[1:], secret}, "", 10},
	} {
		p, err := newPaging(text, Pager{Keys: call.keys})
		if err != nil {
			t.Fatal(err)
		}
		key := string(pageCall{p, call.sign, call.at, call.limit}.appendKey(nil))
		if other, taken := seen[key]; taken {
			t.Errorf("calls %d and %d have one key", other, i)
		}
		seen[key] = i
		if strings.Contains(key, string(secret)) {
			t.Error("the secret is in the key")
		}
	}
}

// Cursors are in bookmarks and other people's programs: what opens them today
// opens them tomorrow. A change of the texts below is one of a stored format.
func TestCursorBytes(t *testing.T) {
	p, err := newPaging(sqltext.Analyze("-- name: Cities\nselect id, name from cities\nwhere population > $1 and founded < $2 and name <> $3"),
		Pager{Keys: []Order{Asc("name").NullsFirst(), Desc("id")}})
	if err != nil {
		t.Fatal(err)
	}
	args := []any{1000, time.Date(1291, 8, 1, 12, 0, 0, 0, time.UTC), "Bern"}
	at := keyset.Position{Values: []keyset.Value{{Type: 25, Text: "Zürich"}, {Type: 23, Text: "261"}}, Tied: 1}
	for _, tt := range []struct {
		sign [][]byte
		want Cursor
	}{
		{nil, "AQABGQhaw7xyaWNoFwQyNjGbRCEDv6LOXKd_zevrHwNf"},
		{[][]byte{[]byte("a secret of the service")}, "AQABGQhaw7xyaWNoFwQyNjEOsuTSOgwIPZU2Kcm4Sbx6"},
	} {
		place, err := pageCall{p, tt.sign, "", 10}.open(args)
		if err != nil {
			t.Fatal(err)
		}
		if got := place.seal(at); got != tt.want {
			t.Errorf("signed %t: the cursor is now\n%s, was\n%s", tt.sign != nil, got, tt.want)
		}
		// The same values, as another program may hold them.
		again := []any{int16(1000), args[1].(time.Time).In(time.FixedZone("LMT", 1800)), sql.NullString{String: "Bern", Valid: true}}
		opened, err := pageCall{p, tt.sign, tt.want, 20}.open(again)
		if err != nil {
			t.Errorf("signed %t: %v", tt.sign != nil, err)
		} else if !reflect.DeepEqual(*opened.at, at) {
			t.Errorf("signed %t: opened as %+v", tt.sign != nil, opened.at)
		}
	}
}
