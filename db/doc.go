// Package db opens PostgreSQL and runs statements on it. It provides a pool,
// statements that are examined once, typed reads, keyset pages, transactions
// that retry where the server asks for it, and notification of the changes that
// commits made.
//
// A [DB] is a handle to one server. It can replace a [pgxpool.Pool]: under code
// that sqlc generated, under scany, in interfaces of your own. A [Stmt] is a
// statement whose rows become Go values. Make it once, in a package variable,
// and read with it from a handle, a transaction, or the cached handle of
// package querycache:
//
//	var cityByID = db.MustCompile[City](`SELECT id, name FROM cities WHERE id = $1`)
//	city, err := cityByID.One(ctx, pg, 42)
//
// A [Write] is a statement that is run for its effect.
//
// Statements built at run time come from [SQL], or from squirrel's builders
// through [Select], [Insert], [Update] and [Delete]. The functions [All], [One]
// and [Each] read their rows.
//
// # Guarantees
//
//   - Query and Exec send the caller's text unchanged. A compiled statement is
//     sent normalized, with exactly the same meaning.
//   - A statement is sent again only if it certainly did not run, or if its text
//     shows that it changes nothing:
//     a broken idle connection, so that the statement never reached the server:
//     reads, and the begin of a transaction, on the handle;
//     a prepared form that a migration invalidated, or whose name the server does
//     not know, as happens behind a pooler: Query, Exec, QueryRow and Gather on
//     the handle, typed reads and [Stmt.Exec] also on pools and connections;
//     a session that the server ends less than a second after the statement was
//     sent (57P01, 57P02, 57P05), as a shutdown does to idle sessions: reads whose
//     text shows that they change nothing.
//     If pgx reports only that the connection is closed, the statement may have
//     run, so it is not sent again.
//   - Of the caller's transactions only those of [DB.InTx] are retried. Batches of
//     the caller are never retried.
//   - A pooler in transaction mode without prepared-statement support, such as
//     PgBouncer before 1.21, loses prepared names (26000, 42P05) more often
//     than a statement is retried. Behind it, transactions and bulk writes need
//     default_query_exec_mode=exec in the connection string. A warning says so
//     once.
//   - The modes describe_exec and cache_describe are unsafe behind such a pooler:
//     pgx describes and executes the session's unnamed statement in two steps, and
//     another client's statement may have replaced it in between. The server then
//     runs that statement with these arguments, without an error.
//   - A typed read binds every column to a field and every field to a column,
//     or fails with an error that names the unbound one.
//   - [DB.OnChange] reports a commit before the committing call returns, with
//     every table that the commit changed, or as a change to all tables. It may
//     report more tables than were changed: a function that writes counts as
//     writing every table that its body names.
//
// # Limits
//
//   - OnChange does not see changes made through a bare [pgconn.PgConn], nor
//     changes that a function makes to search_path for its whole session.
//   - OnChange does not see what an event trigger writes when a connection is
//     made (ON login, PostgreSQL 17).
//   - A function in C, or in another language that can open connections, may
//     write over a connection of its own. Such a write counts as one of another
//     program.
//   - The effects of a statement are examined once, and examined again when a
//     handle of this process has changed the schema that they depend on. A
//     trigger, rule, foreign key or partition that another program adds goes
//     unnoticed.
//
// # Design notes
//
// The tracer keeps its state with the connection and not in the context: a
// context value would cost one allocation per statement.
//
// One examination serves all texts with the same relations, functions and
// operators. Where not even the server's parser knows what a statement changes
// (DO, a function that builds its SQL), the connection is asked before COMMIT
// which tables its transaction has locked. A statement outside a transaction
// block has released its locks by then and counts as a change to all tables. It
// also outdates what is known of all other statements, since it may have
// changed the schema. Where such statements are frequent and OnChange is in
// use, run them in a transaction.
//
// OPERATIONS.md lists everything that is sent in addition to the program's own
// statements, and when.
//
// The examiner has its own connection outside the pool, made when it is first
// needed and closed after a minute without use. It cannot come from the pool: a
// program whose goroutines hold all connections while they commit would wait
// for itself.
//
// One table per process holds the names of compiled statements, by weak
// pointers. Sending the name with the text would cost one prepared statement
// per name. A table per handle would miss statements that run on a pool or on a
// wrapper of the program's. The table is consulted once per text and adds
// nothing to later calls.
//
// Each, One and a bound on rows may stop before the last row. The rest is then
// read, up to 50,000 rows or 4 MB. Beyond that the server is asked to cancel,
// unless the statement may change something or runs in a transaction, which
// the cancel would abort. Each took 99 ms instead of 935 ms to stop after one
// row of 3,000,000, on a machine where the server needs 35 ms to start a
// process, as a cancel does. The read waits for the cancel, and absorbs one
// that arrives late, so that it hits no other statement. Tracers of the program
// see the error (57014); statistics do not count it.
//
// QueryRow caches pgx's scan plans per connection and statement, and uses a
// plan again while the type, the format and the target of its column are the
// same. pgx makes them for each row, which takes about as long as the
// statistics and hooks add to a read by primary key: a row of 12 columns takes
// 0.96 to 1.01 times the client CPU of the pool's own QueryRow, 0.99 to 1.02
// times in a span, and six allocations fewer (medians of 30 interleaved pairs,
// in several runs).
//
// The network connection is wrapped beneath TLS, so that the time on the
// network, and the bytes, are those of each statement: the hooks of pgx report
// neither. PgConn().Conn() returns the wrapper where there is no TLS; it has
// the methods NetConn and SyscallConn.
//
// The span of a context is looked for by the tracer, and only once the process
// has had a span. A statement in a span costs its mutex three times.
//
// A typed read copies its arguments even when no cache is in use. Arguments
// that may be sent to the server escape to the heap; the copy keeps the
// caller's own on the stack, so that a read answered from memory allocates
// nothing. A read that goes to the server allocates equally often either way.
package db
