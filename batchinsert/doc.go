// Package batchinsert writes many rows at once: inserts and upserts of typed
// rows, COPY, and loads of files.
//
// A [Table] binds a struct to a table, and writes the rows of a [Source]: a
// slice or an iterator.
//
//	var cities = batchinsert.MustTable[City]("cities")
//
//	n, err := cities.Copy(ctx, pg, batchinsert.Rows(list))
//	counts, err := cities.Upsert(ctx, pg, batchinsert.Rows(list), batchinsert.OnConflict{Keys: []string{"id"}})
//
// Choose by the work:
//   - [Table.Insert] for up to some thousands of rows
//   - [InsertReturning] if the values that the server generates are needed
//   - [Table.Upsert] if rows may exist already
//   - [Table.UpdateMany] and [Table.DeleteMany] for existing rows
//   - [Table.Copy] for many rows without conflicts
//   - [BufferedWriter] for single rows from many goroutines
//   - [Load] for files, and for other streams of many rows
//   - [Infer] to propose a table for an input
//   - [Export] to write the rows of a query to a file
//
// The module batchinsert/parquetsource reads Parquet files.
//
// Each call writes all of its rows or none, in a transaction of its own or as
// part of the caller's, except loads with an ID, Jobs or a quarantine, whose
// chunks are transactions of their own, and a [BufferedWriter], which writes
// batch by batch. An error that wraps [ErrOutcomeUnknown] means that either may
// be true, because the response to the commit was lost. Writes go through the
// given handle, whose subscribers are notified of the changes.
//
// Rows are sent in UTF-8. Sessions have the encoding of the database by default:
// for a database with another one, such as LATIN1, EUC_JP or SQL_ASCII, set
// client_encoding=UTF8 in the connection string. Without it every call that
// writes rows fails. The server converts the text.
//
// # Design notes
//
// Copy reads the columns' types in each transaction that writes: the server
// stores the eight bytes of the bigint 42 in a column that has become double
// precision without an error, as 2e-322. Insert and Upsert through arrays name
// each type in their text, so that a changed table causes an error; what they
// know of a table is kept until then.
//
// COPY writes to identity columns, including GENERATED ALWAYS ones, without an
// error, and does not advance their sequences: the next value that the server
// generates would collide. So identity columns are left out unless requested,
// and then their sequences are advanced.
//
// The server buffers up to a thousand rows of a COPY before it checks unique
// indexes. So a duplicate may be reported later than a value that violates a
// CHECK, even if its row was sent earlier.
//
// For every way of writing, the handle notifies of changes to the tables written
// and no others, also when rows go through a temporary table: cached results of
// other tables stay valid.
//
// UpdateMany and DeleteMany lock rows in one statement and write them in the
// next, which sees rows inserted in between. It leaves those alone: they are not
// locked in the order of the keys, and writing them caused deadlocks between two
// calls.
//
// When its context ends or its writer fails, Export requests cancellation and
// discards the data that still arrives. pgconn would close the connection in
// both cases, and so end the caller's transaction.
package batchinsert
