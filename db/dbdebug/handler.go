package dbdebug

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"path"
	"strings"

	"github.com/headrace/headrace/db"
)

// A handler serves the page of a handle.
type handler struct {
	opts    Options
	pg      *db.DB
	collect func(context.Context) *snapshot
	planner planner
	origin  *http.CrossOriginProtection
}

// Handler returns a handler of the page of a handle. Mount it at a path that
// ends in a slash, with or without http.StripPrefix, behind the authentication
// of the program: it has none of its own.
//
// It answers GET requests. With Options.Actions it also answers POST requests
// that change something, unless a browser says that they come from another
// origin.
func Handler(pg *db.DB, opts *Options) http.Handler {
	own := opts.withDefaults()
	return &handler{
		opts: own, pg: pg, collect: newSource(pg, own).snapshot,
		planner: newPlanner(pg), origin: http.NewCrossOriginProtection(),
	}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	_, name := path.Split(r.URL.Path)
	switch {
	case r.Method == http.MethodPost:
		h.act(w, r, name)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	case r.URL.Path == "": // StripPrefix removed all: the page's links need the slash
		asked, _, _ := strings.Cut(r.RequestURI, "?")
		redirect(w, path.Base(asked)+"/")
	case name == "":
		h.page(w, r)
	case name == "data.json":
		h.data(w, r)
	case name == "plan":
		h.plan(w, r)
	default:
		http.Error(w, "not found (dbdebug.Handler must be mounted at a path that ends in a slash)", http.StatusNotFound)
	}
}

// secure sets the headers of every answer.
func secure(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// redirect sends the browser to an address relative to the one it asked for,
// which http.Redirect would resolve by the path without its prefix.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// partHeader is set by the page's script, which needs what changes only.
const partHeader = "Dbdebug-Part"

func (h *handler) page(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	p := pageOf(h.collect(r.Context()), viewOf(query))
	p.Said = said[query.Get("said")]
	name := "page"
	if r.Header.Get(partHeader) != "" {
		name = "main"
	}
	h.render(w, name, p)
}

// render executes a template to its end before it writes anything.
func (h *handler) render(w http.ResponseWriter, name string, data any) {
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, name, data); err != nil {
		http.Error(w, "dbdebug: render: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(out.Bytes())
}

func (h *handler) data(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(h.collect(r.Context()))
}

// said are the messages after an action, by the word in the address.
var said = map[string]string{
	"all":       "All entries of the cache were invalidated.",
	"statement": "The entries of the statement were invalidated.",
	"unknown":   "There is no such cache.",
}

// act answers a POST request.
func (h *handler) act(w http.ResponseWriter, r *http.Request, name string) {
	switch err := h.origin.Check(r); {
	case !h.opts.Actions:
		http.Error(w, "actions are off (dbdebug.Options.Actions)", http.StatusForbidden)
		return
	case err != nil:
		http.Error(w, "the request comes from another origin", http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	switch name {
	case "invalidate":
		h.invalidate(w, r)
	case "analyze":
		h.analyze(w, r)
	default:
		http.Error(w, "not found", http.StatusNotFound)
	}
}

// invalidate invalidates the entries of a cache, or of one of its statements,
// and shows the page again.
func (h *handler) invalidate(w http.ResponseWriter, r *http.Request) {
	word := "unknown"
	if c := h.opts.Caches[r.PostFormValue("cache")]; c != nil {
		if name := r.PostFormValue("statement"); name != "" {
			c.InvalidateStatements(name)
			word = "statement"
		} else {
			c.InvalidateAll()
			word = "all"
		}
	}
	address := viewOf(r.PostForm).values()
	address.Set("said", word)
	redirect(w, "./?"+address.Encode())
}
