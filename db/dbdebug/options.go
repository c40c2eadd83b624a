package dbdebug

import (
	"context"

	"github.com/headrace/headrace/db/diagnose"
	"github.com/headrace/headrace/querycache"
)

// Options configures a Handler. The zero value, and a nil *Options, mean the
// defaults.
type Options struct {
	// Title is the title of the page. Default "Database".
	Title string

	// Monitor adds findings, the bottleneck, warnings and figures over time.
	// Default nil: the page says that they are missing.
	Monitor *diagnose.Monitor

	// Health adds health checks. Default nil: the page says that they are
	// missing.
	Health *diagnose.Health

	// Caches are the caches to show, by a name for display.
	Caches map[string]*querycache.Cache

	// Panels are shown in addition.
	Panels []Panel

	// Actions adds buttons that have an effect: to run a statement for its
	// measured plan (EXPLAIN ANALYZE, of queries that change nothing and have no
	// parameter), and to invalidate entries of caches. They are POST requests,
	// which the handler rejects if they come from another origin. Default
	// false: such requests get 403.
	Actions bool
}

// A Panel shows what the program itself knows, such as loads in progress or the
// version of the schema.
type Panel struct {
	// Name is the heading.
	Name string

	// Rows returns the rows to show. It is called for each refresh, one call at
	// a time, on a goroutine of its own, and must return when its context is
	// done, which is after 2 seconds.
	Rows func(ctx context.Context) []PanelRow
}

// A PanelRow is a row of a Panel. Its texts are escaped.
type PanelRow struct {
	Name string
	Text string

	// Share is the part that is done, from 0 to 1, for a bar. A negative Share
	// means no bar.
	Share float64
}

func (o *Options) withDefaults() Options {
	var out Options
	if o != nil {
		out = *o
	}
	if out.Title == "" {
		out.Title = "Database"
	}
	return out
}
