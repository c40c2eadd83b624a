package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/dbdebug"
)

// handler returns the routes of the service, of the probes and of the page.
func (s *service) handler(page *dbdebug.Options) http.Handler {
	routes := http.NewServeMux()
	routes.HandleFunc("GET /cities", s.citiesHandler)
	routes.HandleFunc("GET /countries/{country}/cities", s.countryHandler)
	routes.HandleFunc("GET /countries/{country}/largest", s.largestHandler)
	routes.HandleFunc("GET /countries/{country}/reports/{report}", s.reportHandler)
	routes.HandleFunc("GET /trips/{id}", s.tripHandler)
	routes.HandleFunc("POST /cities/{id}/visits", s.visitHandler)

	mux := http.NewServeMux()
	mux.Handle("/", limited(dbdebug.Middleware(routes))) // a span for each request, named by its route
	mux.Handle("/debug/db/", authenticated(dbdebug.Handler(s.pg, page)))
	mux.Handle("/healthz", dbdebug.LiveHandler(s.health))
	mux.Handle("/readyz", dbdebug.ReadyHandler(s.health))
	return mux
}

// authenticated admits the users of this machine only. It stands for your own
// authentication, behind which the debug page must be mounted: the page has
// none, and it shows the texts of statements and places in the program. Behind
// a reverse proxy every request comes from the proxy: check who the user is.
func authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil || !net.ParseIP(host).IsLoopback() {
			http.Error(w, "forbidden", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

const requestTimeout = 10 * time.Second

// limited bounds the time of requests. It is outside of dbdebug.Middleware,
// which must see the request that the ServeMux gets.
func limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// citiesHandler finds cities by their name.
func (s *service) citiesHandler(w http.ResponseWriter, r *http.Request) {
	cities, err := citiesByName.All(r.Context(), s.pg, r.FormValue("name"))
	respond(w, r, cities, err)
}

// countryHandler lists the cities of a country.
func (s *service) countryHandler(w http.ResponseWriter, r *http.Request) {
	page, err := s.countryCities(r.Context(), r.PathValue("country"), db.Cursor(r.FormValue("at")))
	respond(w, r, page, err)
}

// A share is a city with its share of the people of its country.
type share struct {
	City
	Share float64 `json:"share"`
}

// largestHandler lists the largest cities of a country.
func (s *service) largestHandler(w http.ResponseWriter, r *http.Request) {
	cities, err := largestOfCountry.All(r.Context(), s.pg, r.PathValue("country"))
	shares := make([]share, len(cities))
	for i, city := range cities {
		var people int64
		if people, err = s.people(r.Context(), city.Country); err != nil {
			break
		}
		shares[i] = share{city, float64(city.Population) / float64(max(people, 1))}
	}
	respond(w, r, shares, err)
}

func (s *service) reportHandler(w http.ResponseWriter, r *http.Request) {
	report := reports[r.PathValue("report")]
	if report == nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	lines, err := report.All(r.Context(), s.pg, r.PathValue("country"))
	respond(w, r, lines, err)
}

// tripHandler lists the cities of a trip.
func (s *service) tripHandler(w http.ResponseWriter, r *http.Request) {
	id, ok := idOf(w, r)
	if !ok {
		return
	}
	cities, err := s.tripCities(r.Context(), id)
	respond(w, r, cities, err)
}

func (s *service) visitHandler(w http.ResponseWriter, r *http.Request) {
	id, ok := idOf(w, r)
	if !ok {
		return
	}
	err := s.visit(r.Context(), id)
	respond(w, r, struct{}{}, err)
}

// idOf returns the number in the path, or responds that there is none.
func idOf(w http.ResponseWriter, r *http.Request) (int32, bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 32)
	if err != nil {
		http.Error(w, "the id is not a number", http.StatusBadRequest)
	}
	return int32(id), err == nil
}

// respond writes a value as JSON, or an error. The texts of errors of the
// database stay in the log.
func respond(w http.ResponseWriter, r *http.Request, value any, err error) {
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(value)
	case errors.Is(err, pgx.ErrNoRows):
		http.Error(w, "not found", http.StatusNotFound)
	case errors.Is(err, db.ErrBadCursor):
		http.Error(w, "the cursor is not valid", http.StatusBadRequest)
	case errors.Is(err, context.DeadlineExceeded):
		http.Error(w, "no answer in time", http.StatusServiceUnavailable)
	case errors.Is(err, context.Canceled): // the client has gone
	default:
		slog.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
	}
}
