// Package dbdebug_test holds the tests of package dbdebug that need a server or
// a browser.
package dbdebug_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/dbdebug"
	"github.com/headrace/headrace/db/diagnose"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

type city struct {
	ID         int
	Name       string
	Country    string
	Population int
}

var (
	cityByID      = db.MustCompile[city]("-- name: CityByID\nSELECT id, name, country, population FROM cities WHERE id = $1")
	largestCities = db.MustCompile[city]("-- name: LargestCities\nSELECT id, name, country, population FROM cities WHERE country = $1 ORDER BY population DESC LIMIT $2")
	searchCities  = db.MustCompile[city]("-- name: SearchCities\nSELECT id, name, country, population FROM cities WHERE name ILIKE $1 ORDER BY population DESC LIMIT 20")
	countries     = db.MustCompile[string]("-- name: Countries\nSELECT DISTINCT country FROM cities ORDER BY country")
	mayorOf       = db.MustCompile[string]("-- name: MayorOf\nSELECT name FROM mayors WHERE city_id = $1")
	totals        = db.MustCompile[int64]("-- name: PopulationByCountry\nSELECT sum(population) FROM cities GROUP BY country HAVING count(*) > 5")
)

const setPopulation = "-- name: SetPopulation\nUPDATE cities SET population = $2 WHERE id = $1"

// schema has many cities, without an index for their countries.
const schema = `
	CREATE TABLE cities (id int PRIMARY KEY, name text NOT NULL, country text NOT NULL, population int NOT NULL);
	INSERT INTO cities SELECT i, 'city ' || i, chr(65 + i % 26) || chr(65 + i / 26 % 26), i * 7919 % 1000000 FROM generate_series(1, 20000) i;
	CREATE TABLE mayors (city_id int PRIMARY KEY REFERENCES cities, name text NOT NULL);
	INSERT INTO mayors SELECT i, 'mayor ' || i FROM generate_series(1, 20000) i;
	ANALYZE`

// A program is a small server of cities, with the page at /debug/db/.
type program struct {
	*testing.T
	pg    *db.DB
	cache *querycache.Cache
	reads *querycache.ReadThrough
	http  *httptest.Server
}

// monitored adds a monitor with short windows, health checks, and a load in
// progress.
func monitored(p *program, opts *dbdebug.Options) {
	p.Helper()
	var err error
	opts.Monitor = monitor(p, opts, 100*time.Millisecond)
	opts.Health, err = diagnose.NewHealth(p.pg, &diagnose.HealthOptions{Caches: opts.Caches})
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(opts.Health.Close)
	opts.Panels = []dbdebug.Panel{{Name: "Loads", Rows: func(context.Context) []dbdebug.PanelRow {
		return []dbdebug.PanelRow{{Name: "cities.csv", Text: "94,663 rows, 0 bad, 412,000 a second", Share: 0.7}}
	}}}
}

func monitor(p *program, opts *dbdebug.Options, interval time.Duration) *diagnose.Monitor {
	p.Helper()
	m, err := diagnose.New(p.pg, &diagnose.Options{
		Interval: interval, HeldFor: time.Second, Caches: opts.Caches,
		Thresholds: []diagnose.Threshold{{Metric: diagnose.P99, Above: diagnose.Duration(time.Microsecond)}},
		Logger:     slog.New(slog.DiscardHandler),
	})
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(m.Close)
	return m
}

// start starts a program. change may change the options of the page.
func start(t *testing.T, change func(p *program, opts *dbdebug.Options)) *program {
	t.Helper()
	p := &program{T: t, pg: pgtest.Open(t, pgtest.NewFrom(t, "cities", pgtest.Script(schema)), nil)}
	var err error
	if p.cache, err = querycache.New(nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.cache.Close)
	stop, err := p.cache.Follow(p.pg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	p.reads, err = p.cache.ReadThrough(p.pg, querycache.ByName{"CityByID": {TTL: time.Minute}, "LargestCities": {TTL: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	opts := &dbdebug.Options{Title: "Cities", Caches: map[string]*querycache.Cache{"cities": p.cache}}
	if change != nil {
		change(p, opts)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /cities/{id}", p.city)
	mux.HandleFunc("GET /countries/{code}", p.country)
	mux.HandleFunc("GET /search", p.search)
	mux.HandleFunc("PUT /cities/{id}", p.put)
	mux.HandleFunc("GET /report", p.report)
	outer := http.NewServeMux()
	outer.Handle("/debug/db/", dbdebug.Handler(p.pg, opts))
	outer.Handle("/", dbdebug.Middleware(mux))
	p.http = httptest.NewServer(outer)
	t.Cleanup(p.http.Close)
	return p
}

func (p *program) answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = fmt.Fprintln(w, v)
}

func (p *program) city(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.Atoi(r.PathValue("id"))
	c, err := cityByID.One(r.Context(), p.reads, id)
	p.answer(w, c, err)
}

func (p *program) country(w http.ResponseWriter, r *http.Request) {
	all, err := largestCities.All(r.Context(), p.reads, r.PathValue("code"), 10)
	p.answer(w, all, err)
}

func (p *program) search(w http.ResponseWriter, r *http.Request) {
	all, err := searchCities.All(r.Context(), p.pg, "%"+r.FormValue("q")+"%")
	p.answer(w, all, err)
}

func (p *program) put(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.Atoi(r.PathValue("id"))
	_, err := p.pg.Exec(r.Context(), setPopulation, id, id*10)
	p.answer(w, "ok", err)
}

// report asks for each mayor by a statement of its own.
func (p *program) report(w http.ResponseWriter, r *http.Request) {
	ctx, span := db.Profile(r.Context(), "mayors")
	for id := range 40 {
		if _, err := mayorOf.One(ctx, p.pg, id+1); err != nil {
			p.answer(w, nil, err)
			return
		}
	}
	span.End()
	if _, err := countries.All(r.Context(), p.pg); err != nil {
		p.answer(w, nil, err)
		return
	}
	_, _ = p.pg.Exec(r.Context(), "-- name: Broken\nSELECT no_such_column FROM cities")
	sums, err := totals.All(r.Context(), p.pg)
	p.answer(w, len(sums), err)
}

// get returns the body of an answer.
func (p *program) get(path string) string {
	p.Helper()
	status, body := p.do("GET", path, nil, nil)
	if status != http.StatusOK {
		p.Errorf("GET %s: status %d: %s", path, status, body)
	}
	return body
}

func (p *program) do(method, path string, header http.Header, body io.Reader) (status int, text string) {
	p.Helper()
	req, err := http.NewRequestWithContext(p.Context(), method, p.http.URL+path, body)
	if err != nil {
		p.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		p.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		p.Fatal(err)
	}
	client.CloseIdleConnections()
	return resp.StatusCode, string(got)
}

// traffic calls the program from several goroutines.
func (p *program) traffic(requests int) {
	p.Helper()
	var wg sync.WaitGroup
	for worker := range 6 {
		wg.Go(func() {
			for i := range requests {
				n := worker*requests + i
				switch n % 12 {
				case 0:
					p.get("/search?q=canary" + strconv.Itoa(n%90))
				case 1, 2:
					p.get(fmt.Sprintf("/countries/%c%c", 'A'+n%26, 'A'+n%7))
				case 3:
					_, _ = p.do("PUT", "/cities/"+strconv.Itoa(n%300+1), nil, nil)
				case 4:
					if n%24 == 4 {
						p.get("/report")
					}
				default:
					p.get("/cities/" + strconv.Itoa(n%60+1))
				}
			}
		})
	}
	wg.Wait()
}

// many runs n different statements.
func (p *program) many(n int) {
	p.Helper()
	for i := range n {
		pgtest.Exec(p, p.pg, fmt.Sprintf("SELECT id AS c%d, name FROM cities WHERE id = $1 AND population > 0 AND country IS NOT NULL", i), i)
	}
}

// settled fails the test unless a condition holds before the deadline.
func settled(ctx context.Context, t *testing.T, what string, ok func() bool) {
	t.Helper()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited for %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
