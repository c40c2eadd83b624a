package dbdebug

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/diagnose"
	"github.com/headrace/headrace/querycache"
)

// unreachable returns a handle to a server that cannot be reached.
func unreachable(t *testing.T) *db.DB {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/none?sslmode=disable&connect_timeout=1")
	if err != nil {
		t.Fatal(err)
	}
	pg, err := db.New(pool, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	return pg
}

func ask(h http.Handler, method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Without a server, a monitor and health checks the page is shown at once, and
// says what is missing.
func TestPageWithoutServer(t *testing.T) {
	pg := unreachable(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := pg.Ping(ctx); err == nil {
		t.Fatal("the server answers")
	}
	hangs := Panel{Name: "Hangs", Rows: func(ctx context.Context) []PanelRow { <-ctx.Done(); return nil }}
	logger := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler)) // of the panic
	t.Cleanup(func() { slog.SetDefault(logger) })
	panics := Panel{Name: "Panics", Rows: func(context.Context) []PanelRow { panic("canary") }}
	h := Handler(pg, &Options{Panels: []Panel{hangs, panics, {Name: "Works", Rows: func(context.Context) []PanelRow { return []PanelRow{{Name: "fine", Share: 0.5}} }}}})
	w := ask(h, "GET", "/debug/db/", "")
	body := w.Body.String()
	for _, want := range []string{
		"not checked", "not measured", "Options.Monitor", "Options.Health", "a handle of db.New cannot see statements", "dbdebug.Middleware",
		"no answer within 300ms", "panicked (see the log of the program)", `<progress value="0.5"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("lacks %q", want)
		}
	}
	if w.Code != http.StatusOK || strings.Contains(body, "canary") {
		t.Errorf("status %d: %s", w.Code, body)
	}
	header := w.Header()
	if header.Get("Content-Security-Policy") != policy || header.Get("Cache-Control") != "no-store" || header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %v", header)
	}
}

// With a server that cannot be reached, the page says that the program is not
// ready, and so does the probe; the process is alive.
func TestServerDown(t *testing.T) {
	pg := unreachable(t)
	health, err := diagnose.NewHealth(pg, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(health.Close)
	monitor, err := diagnose.New(pg, &diagnose.Options{Interval: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(monitor.Close)
	h := Handler(pg, &Options{Health: health, Monitor: monitor})
	if body := ask(h, "GET", "/", "").Body.String(); !strings.Contains(body, `<p class="value">not ready</p>`) {
		t.Errorf("the page is %s", body)
	}
	if w := ask(ReadyHandler(health), "GET", "/", ""); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"ok":false`) {
		t.Errorf("ready: status %d: %s", w.Code, w.Body)
	}
	if w := ask(LiveHandler(health), "GET", "/", ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"ok":true`) {
		t.Errorf("live: status %d: %s", w.Code, w.Body)
	}
}

// The handler works with and without StripPrefix, and redirects to the slash.
func TestMounts(t *testing.T) {
	h := Handler(unreachable(t), nil)
	for _, c := range []struct {
		h      http.Handler
		target string
		status int
		to     string
	}{
		{h, "/", http.StatusOK, ""},
		{h, "/debug/db/", http.StatusOK, ""},
		{h, "/debug/db/data.json", http.StatusOK, ""},
		{h, "/debug/db/plan?key=none", http.StatusNotFound, ""},
		{h, "/debug/db", http.StatusNotFound, ""},
		{http.StripPrefix("/debug/db", h), "/debug/db?q=1", http.StatusSeeOther, "db/"},
		{http.StripPrefix("/debug/db", h), "/debug/db/", http.StatusOK, ""},
		{http.StripPrefix("/debug/db/", h), "/debug/db/data.json", http.StatusOK, ""},
	} {
		w := ask(c.h, "GET", c.target, "")
		if w.Code != c.status || w.Header().Get("Location") != c.to {
			t.Errorf("%s: status %d, location %q; want %d, %q", c.target, w.Code, w.Header().Get("Location"), c.status, c.to)
		}
	}
	for _, method := range []string{"PUT", "DELETE", "OPTIONS"} {
		if w := ask(h, method, "/", ""); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: status %d", method, w.Code)
		}
	}
}

// Actions are off by default, and on only for requests of the page's own
// origin.
func TestActions(t *testing.T) {
	cache, err := querycache.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cache.Close)
	loads := 0
	names, err := querycache.NewAside(cache, querycache.AsideOptions[int, string]{
		Name: "Names", Policy: querycache.Policy{TTL: time.Hour}, Load: func(context.Context, int) (string, error) { loads++; return "x", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	caches := map[string]*querycache.Cache{"c": cache}
	pg := unreachable(t)
	off, on := Handler(pg, &Options{Caches: caches}), Handler(pg, &Options{Caches: caches, Actions: true})
	for _, c := range []struct {
		name        string
		h           http.Handler
		method      string
		path, body  string
		header      []string
		status      int
		invalidates bool
	}{
		{"off", off, "POST", "/d/invalidate", "cache=c", nil, http.StatusForbidden, false},
		{"off analyze", off, "POST", "/d/analyze", "key=1", nil, http.StatusForbidden, false},
		{"GET", on, "GET", "/d/invalidate?cache=c", "", nil, http.StatusNotFound, false},
		{"GET analyze", on, "GET", "/d/analyze?key=1", "", nil, http.StatusNotFound, false},
		{"cross-site", on, "POST", "/d/invalidate", "cache=c", []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden, false},
		{"same-site", on, "POST", "/d/invalidate", "cache=c", []string{"Sec-Fetch-Site", "same-site"}, http.StatusForbidden, false},
		{"other origin", on, "POST", "/d/invalidate", "cache=c", []string{"Origin", "https://evil.example"}, http.StatusForbidden, false},
		{"null origin", on, "POST", "/d/invalidate", "cache=c", []string{"Origin", "null"}, http.StatusForbidden, false},
		{"in the query", on, "POST", "/d/invalidate?cache=c", "x=1", nil, http.StatusSeeOther, false},
		{"unknown cache", on, "POST", "/d/invalidate", "cache=d", nil, http.StatusSeeOther, false},
		{"unknown action", on, "POST", "/d/drop", "cache=c", nil, http.StatusNotFound, false},
		{"other statement", on, "POST", "/d/invalidate", "cache=c&statement=Other", nil, http.StatusSeeOther, false},
		{"statement", on, "POST", "/d/invalidate", "cache=c&statement=Names", []string{"Sec-Fetch-Site", "same-origin"}, http.StatusSeeOther, true},
		{"all", on, "POST", "/d/invalidate", "cache=c&q=a+b&order=-p99", []string{"Origin", "http://example.com"}, http.StatusSeeOther, true},
	} {
		if _, err := names.Get(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		before := loads
		w := ask(c.h, c.method, c.path, c.body, c.header...)
		if _, err := names.Get(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if w.Code != c.status || (loads > before) != c.invalidates {
			t.Errorf("%s: status %d, invalidates %v; want %d, %v", c.name, w.Code, loads > before, c.status, c.invalidates)
		}
		if to := w.Header().Get("Location"); c.name == "all" && to != "./?q=a+b&said=all&sort=-p99" {
			t.Errorf("redirects to %q", to)
		}
	}
	if body := ask(off, "GET", "/", "").Body.String(); strings.Contains(body, `method="post"`) {
		t.Error("a page without actions has a form that posts")
	}
	if body := ask(on, "GET", "/?said=all", "").Body.String(); !strings.Contains(body, `method="post"`) || !strings.Contains(body, said["all"]) {
		t.Error("a page with actions has no form that posts")
	}
}

// A plan is refused while another is being made.
func TestPlansOneAtATime(t *testing.T) {
	p := newPlanner(nil)
	p.busy <- struct{}{}
	if report, problem, status := p.report(t.Context(), 1, "", nil); report != nil || problem == "" || status != http.StatusTooManyRequests {
		t.Errorf("%v, %q, %d", report, problem, status)
	}
}

// The answer to a slow question is shared, kept, and shown with its age.
func TestRecent(t *testing.T) {
	release := make(chan int)
	r := recent[int]{ask: func(context.Context) int { return <-release }}
	if got, problem := r.get(t.Context()); got != 0 || !strings.Contains(problem, "no answer") {
		t.Errorf("%d, %q", got, problem)
	}
	done := make(chan int)
	go func() { got, _ := r.get(t.Context()); done <- got }()
	release <- 7 // one call for both
	if got := <-done; got != 7 {
		t.Errorf("got %d", got)
	}
	got, problem := r.get(t.Context())
	if got != 7 || !strings.Contains(problem, "the last one is") {
		t.Errorf("%d, %q", got, problem)
	}
	release <- 8
}

func TestReports(t *testing.T) {
	report := diagnose.Report{OK: true, At: at, Checks: []diagnose.Check{{Name: "server", OK: true}}}
	h := reportHandler(func(context.Context) diagnose.Report { return report })
	for _, c := range []struct {
		ok     bool
		method string
		status int
	}{{true, "GET", 200}, {false, "GET", 503}, {true, "HEAD", 200}, {true, "POST", 405}} {
		report.OK = c.ok
		w := ask(h, c.method, "/", "")
		if w.Code != c.status || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s of %v: status %d, header %v", c.method, c.ok, w.Code, w.Header())
		}
		if c.method == "GET" && !strings.Contains(w.Body.String(), `"name":"server"`) {
			t.Errorf("body %s", w.Body)
		}
	}
}
