package dbdebug

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/headrace/headrace/db/diagnose"
)

// LiveHandler answers whether the process is alive: 200 or 503, with the report
// as JSON. A probe that fails should restart the process.
func LiveHandler(h *diagnose.Health) http.Handler {
	return reportHandler(func(context.Context) diagnose.Report { return h.Live() })
}

// ReadyHandler answers whether the program can serve: 200 or 503, with the
// report as JSON. A probe that fails should send the program no requests until
// it succeeds again. The report names tables and versions, and no secrets;
// whether the public may read it is for the program to decide.
func ReadyHandler(h *diagnose.Health) http.Handler {
	return reportHandler(h.Ready)
}

func reportHandler(ask func(context.Context) diagnose.Report) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		report := ask(r.Context())
		w.Header().Set("Content-Type", "application/json")
		if !report.OK {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(report)
	})
}
