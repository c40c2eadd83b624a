package dbdebug

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// A span has the name of the route, never values of the path.
func TestSpanNames(t *testing.T) {
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	mux := http.NewServeMux()
	mux.Handle("GET /cities/{id}", ok)
	mux.Handle("/any/{rest...}", ok)
	mux.Handle("example.com/host/", ok)
	for _, c := range []struct{ method, target, want string }{
		{"GET", "/cities/canary", "GET /cities/{id}"},
		{"HEAD", "/cities/canary", "HEAD /cities/{id}"},
		{"POST", "/any/canary", "POST /any/{rest...}"},
		{"CANARY", "/any/x", "OTHER /any/{rest...}"},
		{"GET", "http://example.com/host/canary", "GET example.com/host/"},
		{"GET", "/canary", "GET (no pattern)"},
	} {
		r := httptest.NewRequest(c.method, c.target, nil)
		mux.ServeHTTP(httptest.NewRecorder(), r)
		if got := spanName(r); got != c.want {
			t.Errorf("%s %s is %q, want %q", c.method, c.target, got, c.want)
		}
	}
}

// The ResponseWriter is the server's own, and a panic passes through.
func TestMiddlewarePassesThrough(t *testing.T) {
	w := httptest.NewRecorder()
	Middleware(http.HandlerFunc(func(got http.ResponseWriter, _ *http.Request) {
		if got != http.ResponseWriter(w) {
			t.Errorf("the handler got %T", got)
		}
	})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))

	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("recovered %v", v)
		}
	}()
	Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
}
