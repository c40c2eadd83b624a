package dbdebug

import (
	"net/http"
	"strings"

	"github.com/headrace/headrace/db"
)

// Middleware measures each request to next as a span of [db.Profile], named by
// its method and the pattern of its route, as [http.ServeMux] sets it in the
// request; never by its path, which contains values. Requests without a pattern
// are "GET (no pattern)". That includes those whose pattern is set in a copy of
// the request: Middleware must wrap the ServeMux, or the handlers in it, without
// another middleware in between that calls Request.WithContext.
//
// The ResponseWriter is passed on as it is. A panic ends the span and passes
// through.
func Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, span := db.Profile(r.Context(), spanName(r))
		r = r.WithContext(ctx)
		defer func() {
			span.SetName(spanName(r))
			span.End()
		}()
		next.ServeHTTP(w, r)
	})
}

// spanName returns one of few names, whatever the client sends.
func spanName(r *http.Request) string {
	method := r.Method
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
	default:
		method = "OTHER"
	}
	pattern := r.Pattern
	if _, rest, ok := strings.Cut(pattern, " "); ok { // it may begin with a method
		pattern = strings.TrimLeft(rest, " \t")
	}
	if pattern == "" {
		pattern = "(no pattern)"
	}
	return method + " " + pattern
}
