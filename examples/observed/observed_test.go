package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// A page is what the tests read of the JSON of the debug page.
type page struct {
	Findings   []finding `json:"findings"`
	Statements []struct {
		Key, Name string
		Calls     int64
	} `json:"statements"`
	Latest []struct {
		Name string `json:"name"`
	} `json:"latest_spans"`
	Windows struct {
		Count int `json:"count"`
	} `json:"windows"`
}

type finding struct {
	Kind, Title, Evidence, Statement string
	Stack                            []string
}

// A symptom is what the page says about a fault.
type symptom struct {
	kind      string
	statement string // of the finding
	evidence  string // a part of it
	line      string // a part of the line in faults.go that the finding names
	advice    string // a part of the plan of the statement
	mended    string // a part of that plan after mending
	load      visitor
}

var symptoms = map[fault]symptom{
	loop: {
		kind: "statement repeated", statement: "CityByID", evidence: `"GET /trips/{id}"`, line: "cityByID.One(",
		load: visitor{workers: 2, pause: 10 * time.Millisecond},
	},
	index: {
		kind: "statement dominant", statement: "CitiesByName", advice: "CREATE INDEX CONCURRENTLY ON public.cities ((lower(name)))", mended: "cities_by_name",
		load: visitor{workers: 4, pause: 10 * time.Millisecond},
	},
	hot: {
		kind: "reads identical", statement: "PeopleOfCountry", evidence: `"GET /countries/{country}/largest"`, advice: "A cache would answer",
		load: visitor{workers: 2, pause: 10 * time.Millisecond},
	},
	pool: {
		kind: "pool saturated", evidence: "All 2 connections were in use",
		load: visitor{workers: 6},
	},
	leak: {
		kind: "connection leaked", evidence: "a transaction is open. The last statement is CityByID", line: "s.pg.Begin(",
		load: visitor{workers: 1, pause: 50 * time.Millisecond},
	},
	unbounded: {
		kind: "results large", statement: "CitiesOfCountry", evidence: "It has no LIMIT",
		load: visitor{workers: 2, pause: 10 * time.Millisecond},
	},
}

// Each fault alone is named by the page, and is not once it is mended.
func TestFaults(t *testing.T) {
	t.Parallel()
	for f := range all() {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			connString := pgtest.NewFrom(t, "observed", fill)
			want, ok := symptoms[f]
			if !ok {
				t.Fatal("no symptom is known")
			}
			observe(t, connString, faultSet{f: true}, want.visitors(f), func(o *observation) { o.until(&want) })
			observe(t, connString, faultSet{}, want.visitors(f), func(o *observation) { o.never(&want) })
		})
	}
}

// visitors returns the load of the fault's route, faster than that of the
// program, and some of reports, of which none dominates.
func (s *symptom) visitors(f fault) map[fault]visitor {
	out := map[fault]visitor{pool: visitors[pool]}
	v := visitors[f]
	v.workers, v.pause = s.load.workers, s.load.pause
	out[f] = v
	if f != pool {
		background := visitors[pool]
		background.workers, background.pause = 1, 0
		out[pool] = background
	}
	return out
}

// in returns the findings that are the symptom.
func (s *symptom) in(p *page) (out []finding) {
	for _, f := range p.Findings {
		if f.Kind == s.kind && f.Statement == s.statement {
			out = append(out, f)
		}
	}
	return out
}

// All routes respond, are measured by their pattern, and reject what they do
// not know.
func TestRoutes(t *testing.T) {
	t.Parallel()
	connString := pgtest.NewFrom(t, "observed", fill)
	s, err := open(t.Context(), connString, options{interval: window, heldFor: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	ask := func(method, path, from string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
		r.RemoteAddr = from
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	const local, remote = "127.0.0.1:1234", "192.0.2.1:1234"
	for _, c := range []struct {
		request, from string
		status        int
		body          string
	}{
		{"GET /cities?name=victoria", remote, 200, `"name":"Victoria"`},
		{"GET /cities?name=no+such+city", remote, 200, "[]\n"},
		{"GET /countries/AT/cities", remote, 200, `"next":`},
		{"GET /countries/AT/cities?at=x", remote, 400, "the cursor is not valid\n"},
		{"GET /countries/AT/largest", remote, 200, `"share":0.`},
		{"GET /countries/AT/reports/regions", remote, 200, `"cities":`},
		{"GET /countries/AT/reports/none", remote, 404, "not found\n"},
		{"GET /trips/1", remote, 200, `"population":`},
		{"GET /trips/one", remote, 400, "the id is not a number\n"},
		{"POST /cities/-1/visits", remote, 404, "not found\n"},
		{"GET /healthz", remote, 200, `"ok":true`},
		{"GET /readyz", remote, 200, `"name":"primary","ok":true`},
		{"GET /debug/db/", local, 200, "<title>Cities</title>"},
		{"GET /debug/db/data.json", local, 200, `"title":"Cities"`},
		{"GET /debug/db/", remote, 403, "forbidden\n"},
		{"GET /debug/db/", "", 403, "forbidden\n"},
	} {
		method, path, _ := strings.Cut(c.request, " ")
		if w := ask(method, path, c.from); w.Code != c.status || !strings.Contains(w.Body.String(), c.body) {
			t.Errorf("%s from %q: %d %s, want %d with %s", c.request, c.from, w.Code, w.Body, c.status, c.body)
		}
	}

	var p page
	if err := json.Unmarshal(ask("GET", "/debug/db/data.json", local).Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	var spans []string
	for _, span := range p.Latest {
		spans = append(spans, span.Name)
	}
	for _, name := range []string{"GET /cities", "GET /countries/{country}/cities", "GET /trips/{id}", "POST /cities/{id}/visits"} {
		if !slices.Contains(spans, name) {
			t.Errorf("no span %q among %q", name, spans)
		}
	}
}

// With and without its fault, a route returns the same.
func TestMendedReturnsTheSame(t *testing.T) {
	t.Parallel()
	connString := pgtest.NewFrom(t, "observed", fill)
	const lookups = "/trips/7 /cities?name=victoria /countries/AT/largest /countries/AT/reports/features"
	read := func(faults faultSet) (out []string) {
		s, err := open(t.Context(), connString, options{faults: faults, interval: window, heldFor: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		defer s.close()
		for path := range strings.FieldsSeq(lookups) {
			w := httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			out = append(out, w.Body.String())
		}
		return out
	}
	faulty, mended := read(all()), read(nil)
	if !slices.Equal(faulty, mended) || len(faulty[0]) < 1000 {
		t.Errorf("got\n%s\nand, mended,\n%s", faulty, mended)
	}
}

func TestPlanted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ plant, mend, want string }{
		{"all", "", "hot, index, leak, loop, pool, unbounded"},
		{"all", "leak, pool", "hot, index, loop, unbounded"},
		{"loop,index", "loop", "index"},
		{"none", "", "none"},
		{"", "", "none"},
		{"all", "all", "none"},
		{"loops", "", `unknown fault "loops": want some of hot, index, leak, loop, pool, unbounded, or all`},
		{"all", "x", `unknown fault "x": want some of hot, index, leak, loop, pool, unbounded, or all`},
	} {
		got, err := planted(c.plant, c.mend)
		text := got.String()
		if err != nil {
			text = err.Error()
		}
		if text != c.want {
			t.Errorf("planted(%q, %q): %s, want %s", c.plant, c.mend, text, c.want)
		}
	}
}

// The load never leaves the machine.
func TestDriveStaysHere(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"192.0.2.1:80", "example.com:80", "0.0.0.0:80", "127.0.0.1", ""} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := drive(ctx, address, visitors, new(tally)); err == nil {
			t.Errorf("drives %q", address)
		}
	}
}
