// Package migrations migrates a schema to the version that a program needs.
//
// It is a thin layer over pressly/goose. Files are named 00001_what.sql,
// written in goose's format ("-- +goose Up", "-- +goose Down"), and recorded in
// goose's own table, so that a project can move from goose to this package and
// back without conversion. The package adds a pgx pool instead of database/sql,
// a lock that also works behind a pooler, errors that name file and line, and
// errors for files that goose would silently skip.
//
//	//go:embed schema
//	var schema embed.FS
//
//	files, _ := fs.Sub(schema, "schema")
//	applied, err := migrations.Up(ctx, pool, files)
//
// [Install] creates the tables that headrace keeps for itself in the schema
// "headrace": the ledger and the quarantine of loads.
//
// # Many processes at once
//
// Every instance of a program may call [Up] when it starts: one instance
// applies the migrations, the others wait for it and find nothing left to do.
// Only the end of its context ends a wait; the package has no time limit of its
// own.
//
// # Design notes
//
// The lock is polled once a second instead of waited for in the server. A
// backend that waits inside pg_advisory_lock holds a snapshot, and CREATE INDEX
// CONCURRENTLY in the migration that it waits for would wait for that snapshot:
// a deadlock.
//
// On a direct connection the lock belongs to the session that migrates, so that
// it lasts as long as the migration. Behind PgBouncer and similar poolers a
// session may change its server with every transaction. There a transaction
// that stays open on a second connection holds the lock, and a pooler in
// session or transaction mode keeps it in place. The two kinds of lock exclude
// each other. Behind a pooler the pool therefore needs two connections. If the
// connection with the lock is lost, Up completes its work and then reports
// that.
//
// Migrations written in Go do not run, and migrations that other packages
// registered with goose are ignored: a process-wide registry does not show
// whose schema a migration belongs to.
package migrations
