package cacheapi

import "github.com/headrace/headrace/internal/changes"

// A Handle gives querycache access to a *db.DB beyond its public methods.
type Handle struct {
	Tracker *changes.Tracker

	// Observed reports whether the tracker sees the statements on the pool's
	// connections; if not, there are no changes to subscribe to.
	Observed bool

	// ContextHooks reports whether the pool has a hook that each acquire runs
	// with the caller's context (PrepareConn, BeforeAcquire). Such a hook may
	// set a role, a tenant or other settings, so that results may depend on the
	// caller. The handle's own hooks do not count.
	ContextHooks bool

	// Closed reports whether the handle was closed.
	Closed func() bool

	// Exhausted returns an error that describes the use of the pool's
	// connections if all of them are in use, and nil otherwise.
	Exhausted func() error

	// Sample returns a text of the statement with a fingerprint and name as it
	// was sent, with its constants, which must not be shown or logged. It
	// reports false if none is remembered.
	Sample func(fingerprint uint64, name string) (sql string, ok bool)
}

var handleOf func(pg any) Handle

// Register sets the function that returns the Handle of a *db.DB.
func Register(of func(pg any) Handle) { handleOf = of }

// HandleOf returns the Handle of pg, a *db.DB.
func HandleOf(pg any) Handle { return handleOf(pg) }
