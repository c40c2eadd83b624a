package db

import "github.com/jackc/pgx/v5/pgxpool"

// What package querycache has to know of a handle.

// ContextHooks reports whether the program gave the pool a hook that sees the
// context of whoever takes a connection (PrepareConn, BeforeAcquire), and so
// may make answers depend on it. Hooks of the handle's own do not count.
func (d *DB) ContextHooks() bool { return d.contextHooks }

func hasContextHooks(cfg *pgxpool.Config) bool {
	return cfg.PrepareConn != nil || cfg.BeforeAcquire != nil //nolint:staticcheck // deprecated, and used
}

// Observed reports whether the handle sees the statements on its pool's
// connections; where it does not, OnChange returns ErrUnobserved.
func (d *DB) Observed() bool { return d.observed }
