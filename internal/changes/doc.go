// Package changes tracks what the connections of a pool do, and notifies
// subscribers of what commits changed.
//
// A [Tracker] is the pgx tracer in each connection of one pool. Package db has
// one for each handle, and querycache subscribes to it. A Tracker knows no
// handle.
//
// Files, from a statement to a notification:
//
//   - tracer.go, batch.go: pgx's hooks, which record the start and end of
//     statements.
//   - statements.go: what is known about each text that ran, including its
//     figures.
//   - conn.go, multistatement.go: what the end of a statement means for its
//     transaction.
//   - writeset.go: the statements of the open transaction that may have
//     written, with savepoints.
//   - session.go: whether the session still has its initial settings.
//   - maywrite.go, effects.go, schemaversion.go: which tables statements write,
//     and for which schema version that holds.
//   - examination.go, examiner.go: examining statements, on a separate
//     connection.
//   - notify.go, latecommits.go, indoubt.go: notification, also where an
//     examination is late or the outcome of a commit is unknown.
//   - database.go, identity.go: which database a connection leads to; all
//     handles of the process share one value per database.
package changes
