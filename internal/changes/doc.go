// Package changes tracks what the connections of a pool do, and notifies
// subscribers of what commits changed.
//
// A [Tracker] is the pgx tracer in each connection of one pool. It knows no
// handle: package db owns one for each, and querycache subscribes to it.
//
// From a statement to a notification, by file:
//
//   - tracer.go, batch.go: the hooks of pgx, which note a statement's begin and end.
//   - statements.go: what is known of each text that ran, its figures included.
//   - conn.go, multistatement.go: what a statement's end means for its transaction.
//   - txwrites.go: the statements of the open transaction that may have written,
//     with savepoints.
//   - session.go: whether the session is still as sessions begin.
//   - writeset.go, effects.go, schemaversion.go: which tables statements write, and
//     under which schema that holds.
//   - examination.go, examiner.go: asking the server, on a connection of its own.
//   - notify.go, late.go, indoubt.go: the notification, also where the server has not
//     answered in time or the outcome of a commit is unknown.
//   - database.go, identity.go: which database a connection leads to, the same value
//     for all handles of the process.
package changes
