package dbdebug_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/headrace/headrace/db/dbdebug"
	"github.com/headrace/headrace/integration/pgtest"
)

// keys returns the keys of all statements, by name or text.
func (p *program) keys() map[string]string {
	p.Helper()
	var data struct {
		Statements []struct{ Key, Name, Text string }
	}
	if err := json.Unmarshal([]byte(p.get("/debug/db/data.json")), &data); err != nil {
		p.Fatal(err)
	}
	out := make(map[string]string)
	for _, s := range data.Statements {
		if s.Name != "" {
			out[s.Name] = s.Key
		} else {
			out[s.Text] = s.Key
		}
	}
	return out
}

// No argument, and no constant of a statement's text, is in the page, in the
// JSON, or in a plan.
func TestNoValues(t *testing.T) {
	t.Parallel()
	p := start(t, func(_ *program, opts *dbdebug.Options) { opts.Actions = true })
	ctx := t.Context()
	for _, sql := range []string{
		"-- name: Constants\nSELECT id FROM cities WHERE name = 'canary-1' AND population > 98761 AND country LIKE 'canary-2%'",
		"SELECT count(*) FROM cities WHERE name IN ('canary-3', 'canary-4') AND country = E'canary-5'",
		"SELECT $q$canary-6$q$::text AS x, name FROM cities WHERE id = 1 ORDER BY name || 'canary-7'",
		"UPDATE cities SET name = 'canary-8' WHERE id = 1",
		"SELECT * FROM cities c JOIN mayors m ON m.city_id = c.id AND m.name <> 'canary-9' WHERE c.name = 'canary-10'",
	} {
		pgtest.Exec(t, p.pg, sql)
	}
	for _, sql := range []string{"SELECT 'canary-11'::int", "SELECT * FROM cities WHERE id = 'canary-12'", "SELECT 'canary-13' FROM no_such_table /* canary-14 */", "INSERT INTO cities VALUES (1, 'canary-15', 'x', 1)"} {
		if _, err := p.pg.Exec(ctx, sql); err == nil {
			t.Errorf("%s: no error", sql)
		}
	}
	if _, err := p.pg.Exec(ctx, "SELECT * FROM cities WHERE name = $1", "canary-16"); err != nil {
		t.Fatal(err)
	}
	_ = p.get("/search?q=canary-17")
	_ = p.get("/search?q=canary-17")
	if _, err := p.reads.Exec(ctx, "SELECT name FROM cities WHERE name = 'canary-18'"); err != nil {
		t.Fatal(err)
	}
	var name string
	_ = p.reads.QueryRow(ctx, "SELECT name FROM cities WHERE name = 'canary-19'").Scan(&name) // a lookup
	conn, err := p.pg.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "SELECT 'canary-20' FROM cities LIMIT 1"); err != nil {
		t.Fatal(err)
	}

	shown := map[string]string{"the page": p.get("/debug/db/?all=1"), "the JSON": p.get("/debug/db/data.json")}
	plans := 0
	for label, key := range p.keys() {
		shown["the details of "+label] = p.get("/debug/db/?open=" + key)
		plan := p.get("/debug/db/plan?key=" + key)
		shown["the plan of "+label] = plan
		if strings.Contains(plan, `class="node"`) {
			plans++
		}
		status, analyzed := p.do("POST", "/debug/db/analyze", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Sec-Fetch-Site": {"same-origin"}}, strings.NewReader("key="+key))
		if status != http.StatusOK {
			t.Errorf("analyze %s: status %d", label, status)
		}
		shown["the measured plan of "+label] = analyzed
	}
	if plans < 5 {
		t.Errorf("%d plans", plans)
	}
	value := regexp.MustCompile(`canary|98761`)
	for where, text := range shown {
		if at := value.FindStringIndex(text); at != nil {
			t.Errorf("%s contains %q", where, text[max(0, at[0]-200):min(len(text), at[1]+50)])
		}
	}
}

// A statement of which the name, the text or an error contains HTML is shown as
// it is.
func TestStatementsWithHTML(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	for i, sql := range []string{
		`SELECT 1 AS "<script>alert('text')</script>"`,
		"-- name: <script>alert('name')</script>\nSELECT 2",
		"-- name: Img\nSELECT 3 AS \"<img src=x onerror=alert('image')>\"",
	} {
		if _, err := p.pg.Exec(t.Context(), sql); err != nil {
			t.Errorf("statement %d: %v", i, err)
		}
	}
	if _, err := p.pg.Exec(t.Context(), `SELECT "<script>alert('error')</script>"`); err == nil {
		t.Error("no error")
	}
	page := p.get("/debug/db/")
	if strings.Contains(page, "<script>alert") || strings.Contains(page, "<img") {
		t.Error("a text is not escaped")
	}
	for _, want := range []string{"text", "image", "error"} {
		if !strings.Contains(page, fmt.Sprintf("alert(&#39;%s&#39;)", want)) {
			t.Errorf("the page lacks the statement with %q", want)
		}
	}
	b := browse(t)
	for label, key := range p.keys() {
		b.show(p.http.URL + "/debug/db/?open=" + url.QueryEscape(key))
		if strings.Contains(label, "alert") {
			b.until("document.querySelector('.detail .sql')")
		}
	}
	b.noProblems() // an alert would be a dialog, which blocks the page
	if n := value[int](b, "document.querySelectorAll('script, img').length"); n != 1 {
		t.Errorf("%d scripts and images, want 1", n)
	}
}

// The spans of requests have the names of routes and their parts.
func TestRequestsAreSpans(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	_ = p.get("/cities/17")
	_ = p.get("/report")
	page := p.get("/debug/db/")
	for _, want := range []string{"GET /cities/{id}", "GET /report", "mayors", "In a loop, 40 calls", "MayorOf", `class="parts"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "/cities/17") {
		t.Error("a path is shown")
	}
}
