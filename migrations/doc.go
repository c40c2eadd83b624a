// Package migrations brings a schema to the version that a program needs.
//
// It is a thin face on pressly/goose: files are named 00001_what.sql, written
// in goose's format ("-- +goose Up", "-- +goose Down"), and recorded in goose's
// own table, so that a project may come from goose, and go back to it, with
// nothing to convert. What this package adds is a pgx pool instead of
// database/sql, a lock that is right behind a pooler too, errors that name file
// and line, and a refusal of files that goose would pass over in silence.
//
//	//go:embed schema
//	var schema embed.FS
//
//	files, _ := fs.Sub(schema, "schema")
//	applied, err := migrations.Up(ctx, pool, files)
//
// [Install] does the same for the tables that headrace itself keeps in the
// schema "headrace": the ledger and the quarantine of loads.
//
// # Many processes at once
//
// Every instance of a program may call [Up] when it starts: one applies, the
// others wait until it is done and find nothing left. A waiter gives up when its
// context ends, and nothing else ends its wait: there is no time limit of the
// package's own.
//
// # Design notes
//
// The lock is polled, once a second, rather than waited for in the server: a
// backend that waits inside pg_advisory_lock holds a snapshot for as long, and
// CREATE INDEX CONCURRENTLY in the migration that it waits for would wait for
// that snapshot: a deadlock.
//
// On a direct connection the lock belongs to the session that migrates, so that
// it cannot be lost while the migration goes on. Behind PgBouncer and its kind a
// session may change its server at every transaction; there the lock is held by
// a transaction left open on a second connection, which a pooler in session or
// transaction mode leaves in place. The two exclude each other. Behind a pooler
// the pool therefore needs two connections, and where the locking one is cut off
// in the middle, Up finishes what it does and then says so.
//
// Migrations written in Go are not run, and those registered with goose by other
// packages are ignored: a registry that is global to the process cannot tell
// whose schema a migration belongs to.
package migrations
