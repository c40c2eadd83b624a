package cacheapi

import "github.com/headrace/headrace/internal/changes"

// A Handle is what querycache knows of a *db.DB besides its public methods.
type Handle struct {
	Tracker *changes.Tracker

	// Observed reports whether the tracker sees the statements on the pool's
	// connections; where it does not, there are no changes to subscribe to.
	Observed bool

	// ContextHooks reports whether the pool was configured with a hook that each
	// acquire runs with the caller's context (PrepareConn, BeforeAcquire), and
	// that may set a role, a tenant or other settings by it: results may then
	// depend on who asks. Hooks of the handle's own do not count.
	ContextHooks bool

	// Closed reports whether the handle was closed.
	Closed func() bool

	// Exhausted returns an error that says how the pool's connections are used
	// if all of them are, so that callers wait, and nil if not.
	Exhausted func() error
}

var handleOf func(pg any) Handle

// Register sets how a *db.DB becomes a Handle.
func Register(of func(pg any) Handle) { handleOf = of }

// HandleOf returns the Handle of pg, a *db.DB.
func HandleOf(pg any) Handle { return handleOf(pg) }
