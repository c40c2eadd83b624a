package dbdebug

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

const script = `<script>alert("x")</script>'"&`

func html(t *testing.T, name string, data any) string {
	t.Helper()
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, name, data); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Texts of the program and of the server are escaped wherever they are shown.
func TestPageEscapesTexts(t *testing.T) {
	s := full(script)
	plain := full("")
	open := func(s *snapshot) string {
		return html(t, "page", pageOf(s, view{Open: s.Statements[0].Key, Query: ""}))
	}
	got, want := open(s), open(plain)
	if n, wanted := strings.Count(got, "<script"), strings.Count(want, "<script"); n != wanted || wanted != 1 {
		t.Errorf("%d script elements, want %d", n, wanted)
	}
	if strings.Contains(got, `alert("x")`) || strings.Contains(got, `'"&`) {
		t.Error("a text is not escaped")
	}
	for _, text := range []string{"Title", "CityByID", "server", "lag 14 s", "71 % of the time", "add an index", "3 s of 4 s", "mayors", "inner", "main.report", "cities.csv", "100,000 rows", "slow", "how", "note 119", "Loads", "SQLSTATE 23"} {
		if !strings.Contains(got, text+"&lt;script&gt;") {
			t.Errorf("%q is not shown", text)
		}
	}
	query := html(t, "page", pageOf(full(""), view{Query: script, Sort: script, Open: script}))
	if strings.Contains(query, "<script>alert") {
		t.Error("the filter is not escaped")
	}
}

// Nothing in the page needs what its policy refuses: styles and scripts in
// attributes, or other origins.
func TestPageObeysItsPolicy(t *testing.T) {
	s := full("")
	got := html(t, "page", pageOf(s, view{Open: s.Statements[0].Key}))
	for _, refused := range []string{" style=", " onclick=", " onload=", " onerror=", "javascript:", "http://", "https://", "//cdn"} {
		if i := strings.Index(got, refused); i >= 0 {
			t.Errorf("the page contains %q: %s", refused, got[max(0, i-50):i+50])
		}
	}
	for _, text := range []string{pageCSS, pageJS} {
		if !strings.Contains(got, ">"+text+"</") {
			t.Error("the page changes the text that its policy admits by hash")
		}
		if !strings.Contains(policy, hashOf(text)) {
			t.Error("the policy lacks a hash")
		}
	}
}

// The JSON has the same content.
func TestSnapshotIsJSON(t *testing.T) {
	text, err := json.Marshal(full(""))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"key":"0000000000000001-`, `"calls":1000`, `"load_over_time":[`, `"bottleneck":"The server's work"`, `"state":"degraded"`, `"reason":"miss-cold"`, `"name":"cities.csv"`, `"took":0.04`} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("lacks %s", want)
		}
	}
}

// With many statements the page shows the first of the order, and the open one.
func TestPageLimits(t *testing.T) {
	s := &snapshot{}
	for i := range 1000 {
		s.Statements = append(s.Statements, statement{Key: fmt.Sprint("k", i), Text: fmt.Sprintf("select c%d", i), Total: seconds(1000 - i), Calls: int64(i)})
	}
	for _, c := range []struct {
		view                 view
		rows, matched        int
		first, last, ordered string
	}{
		{view{}, 100, 1000, "k0", "k99", "share"},
		{view{Sort: "calls"}, 100, 1000, "k0", "k99", "calls"},
		{view{Sort: "-calls"}, 100, 1000, "k999", "k900", "calls"},
		{view{Sort: "-calls", Open: "k5"}, 101, 1000, "k999", "k5", "calls"},
		{view{All: true}, 1000, 1000, "k0", "k999", "share"},
		{view{Query: "C99"}, 11, 11, "k99", "k999", "share"},
		{view{Query: "nothing"}, 0, 0, "", "", "share"},
		{view{Sort: "no such column"}, 100, 1000, "k0", "k99", ""},
	} {
		p := pageOf(&snapshot{Statements: append([]statement(nil), s.Statements...)}, c.view)
		first, last := "", ""
		if len(p.Rows) > 0 {
			first, last = p.Rows[0].Key, p.Rows[len(p.Rows)-1].Key
		}
		ordered := ""
		for _, col := range p.Columns {
			if col.Ordered != "" {
				ordered = col.ID
			}
		}
		if len(p.Rows) != c.rows || p.Matched != c.matched || p.Known != 1000 || first != c.first || last != c.last || ordered != c.ordered {
			t.Errorf("%+v: %d rows from %s to %s, %d match, ordered by %q; want %+v", c.view, len(p.Rows), first, last, p.Matched, ordered, c)
		}
	}
}

// Addresses and forms of the page give the same view.
func TestViewOf(t *testing.T) {
	want := view{Query: "a b", Sort: "-p99", All: true, Open: "k"}
	for _, address := range []string{
		want.Encode()[1:],
		"q=+a+b+&order=-p99&opened=k&all=1",
		"q=a+b&order=calls&opened=k&all=1&sort=-p99",
		"q=a+b&order=-p99&opened=other&all=1&open=k",
	} {
		q, err := url.ParseQuery(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := viewOf(q); got != want {
			t.Errorf("%s: %+v, want %+v", address, got, want)
		}
	}
	if got := viewOf(url.Values{"opened": {"k"}, "open": {""}}); got.Open != "" {
		t.Errorf("closing a statement leaves %q open", got.Open)
	}
}

// Figures of the summary are those of the last minute, and a load is the time
// of a statement per second.
func TestWindows(t *testing.T) {
	s := full("")
	if got := s.Summary.Window; got != 5 {
		t.Errorf("the window is %v s", got)
	}
	if len(s.Over) == 0 || len(s.Over[0].Values) != 120 {
		t.Errorf("%d series", len(s.Over))
	}
	minute := aMinute(fullWindows(""))
	if len(minute) != 12 {
		t.Fatalf("a minute has %d windows", len(minute))
	}
	var calls int64
	var load float64
	for _, w := range minute {
		calls += w.Calls
		load += w.Statements[0].Total.Seconds() / 60
	}
	if s.Summary.Calls != calls {
		t.Errorf("%d calls, want %d", s.Summary.Calls, calls)
	}
	if got := s.Statements[0]; got.Load < load*0.999 || got.Load > load*1.001 || len(got.LoadOver) != 120 || got.LoadOver[119] == 0 {
		t.Errorf("load %v, want %v", got.Load, load)
	}
	if s.Statements[1].LoadOver != nil {
		t.Error("a statement without windows has a load")
	}
}
