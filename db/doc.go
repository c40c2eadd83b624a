// Package db opens PostgreSQL and runs statements on it: a pool, statements
// examined once, typed reads, keyset pages, transactions that run again where
// the server asks for it, and the changes that commits made.
//
// A [DB] is a handle to one server. It stands wherever a [pgxpool.Pool] stood:
// under code that sqlc generated, under scany, in interfaces of your own. A
// [Stmt] is a statement whose rows become Go values; make it once, in a package
// variable, and read with it from a handle, a transaction, or the cached handle
// of package querycache:
//
//	var cityByID = db.MustCompile[City](`SELECT id, name FROM cities WHERE id = $1`)
//	city, err := cityByID.One(ctx, pg, 42)
//
// A statement that is run for its effect is a [Write].
//
// Statements built at run time come from [SQL], or from squirrel's builders by
// [Select], [Insert], [Update] and [Delete], and are read by the functions
// [All], [One] and [Each].
//
// # What is promised
//
//   - Query and Exec send the text as it was given. A compiled statement is
//     sent normalized, which means exactly the same.
//   - A statement is sent again only where it is certain that it did not run:
//     when it never reached the server, since the idle connection was broken,
//     when a migration made its prepared form invalid, or when the server did
//     not know it by its name, as behind a pooler. The latter two go for Query,
//     Exec, QueryRow and Gather on the handle, and for typed reads and
//     [Stmt.Exec] on pools and connections too; the first one for reads and the
//     begin of transactions on the handle. That pgx calls the connection closed
//     does not make it certain. Reads whose text shows that they change nothing
//     are also sent again where the server ends the session within a second
//     (57P01, 57P02, 57P05), as a shutdown does to idle ones. [DB.InTx] alone
//     runs a transaction again; batches of the caller are never retried.
//   - Behind a pooler in transaction mode that does not keep prepared statements
//     apart, as PgBouncer before 1.21, transactions and bulk writes need
//     default_query_exec_mode=exec in the connection string: the names of
//     prepared statements are lost between them (26000, 42P05) more often than
//     they are run again. A warning says so once. Do not use describe_exec or
//     cache_describe behind such a pooler: pgx sends a statement apart from its
//     description, and by the unnamed statement of the session, which another
//     client's may have replaced in between. Then that one runs, with these
//     arguments, and without an error.
//   - A typed read binds every column to a field and every field to a column,
//     or fails and names the one that it cannot.
//   - [DB.OnChange] tells of a commit before the call that committed returns,
//     and tells of every table that it changed, or of all. It may tell of more
//     tables than were changed: of each that a function names which writes.
//
// # What is not
//
//   - Changes made through a bare [pgconn.PgConn] are not seen by OnChange, nor
//     those that a function makes to search_path for its whole session.
//   - What an event trigger writes when a connection is made (ON login,
//     PostgreSQL 17) is no statement's change, and is not seen.
//   - What a function writes over a connection of its own to the server, in
//     C or another language that can open one, is another program's change.
//   - What a statement does to which tables is examined once and kept, and
//     examined again when a handle of this process has changed what it depends
//     on; when another program adds a trigger, rule, foreign key or partition,
//     that is not noticed.
//
// # Design notes
//
// The tracer keeps its state with the connection and not in the context: a
// context value would cost an allocation a statement.
//
// What a statement changes is asked once for all texts of its shape: of the
// same relations, functions and operators. Where not even the server's parser
// can tell (DO, a function that makes up its SQL), the transaction is asked
// for its locks before COMMIT, on its own connection; a statement by itself is
// gone by then, and is told as everything. That also makes what is known of all
// others out of date, since it may have changed the schema: where such
// statements are frequent and somebody listens, run them in a transaction.
//
// What is sent beside the statements of the program, and when, is in
// ON-ITS-OWN.md.
//
// The examiner has a connection of its own beside the pool, made when it is
// first needed and closed after a minute without use. It cannot come from the
// pool: a program whose goroutines hold all connections and commit would wait
// for itself.
//
// The names of compiled statements are in one table for the process, which
// holds on to none of them. A name that was sent along would cost a prepared
// statement, and one that each handle has to be told of would be lost where a
// statement runs on a pool or a program's own wrapper. It is asked once a text
// and costs the calls nothing.
//
// Rows that are left early, by Each, One or a bound of rows, are read to their
// end up to 50,000 rows or 4 MB; then the server is cancelled, if the statement is
// certain to change nothing and is not in a transaction, which the cancel would
// abort. Left after one row of 3,000,000, Each took 99 ms in place of 935 ms, on a
// machine where the server needs 35 ms to start a process, as a cancel does. The
// cancel is waited for and, if it came late, absorbed, so that it hits no other
// statement. Tracers of the program see its error (57014), statistics do not
// count one.
//
// QueryRow keeps pgx's scan plans, by connection and statement, and looks only
// whether a column still has the type, the format and the target that its plan
// was made for. pgx makes them for each row: to make them costs more than what
// statistics and hooks add to a read by primary key. For a row of 12 columns it
// takes 0.9 of the client CPU of the pool's own QueryRow and six allocations
// fewer; without the plans it took 1.07 of it.
//
// A typed read copies its arguments even when nothing is cached. The compiler
// moves to the heap what may be sent to the server; the copy keeps the callers'
// own on their stacks, so that a read that is answered from memory allocates
// nothing. The number of allocations of a read that goes to the server is the
// same either way.
package db
