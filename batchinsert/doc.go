// Package batchinsert writes many rows at once: inserts and upserts through
// arrays, COPY, and loaders for files.
//
// A [Table] is made once for a struct and a table, and writes rows of a
// [Source]: a slice, or an iterator.
//
//	var cities = batchinsert.MustTable[City]("cities")
//
//	n, err := cities.Copy(ctx, pg, batchinsert.Rows(list))
//	counts, err := cities.Upsert(ctx, pg, batchinsert.Rows(list), batchinsert.OnConflict{Keys: []string{"id"}})
//
// Which way for which work: [Table.Insert] for up to some thousands of rows,
// [InsertReturning] where the server's answer to each is needed,
// [Table.Upsert] where rows may be there already, [Table.UpdateMany] and
// [Table.DeleteMany] for rows that are, [Table.Copy] for many rows without
// conflicts, a [BufferedWriter] for single rows from many goroutines,
// [Load] for files and whatever else yields rows, many of them. Parquet files are
// read by the module batchinsert/parquetsource. [Infer] proposes a table for an
// input. [Export] is the way out again.
//
// Each call writes all of its rows or none, in a transaction of its own or as
// part of the caller's. Writes go through the handle they are given, so that
// whoever follows its changes hears of them.
//
// # Design notes
//
// Copy asks for the columns' types each time, in the transaction that writes:
// the server stores the eight bytes of a bigint in a column that has become
// double precision meanwhile without an error, as 2e-322 for 42. Insert and
// Upsert through arrays name each type in their text; there a change of the
// table shows, and what is known of a table is kept until it does.
//
// COPY writes to identity columns, GENERATED ALWAYS ones too, without a word,
// and leaves their sequence where it was: the next row that the server numbers
// collides. So identity columns are left out unless asked for, and their
// sequence is moved then.
//
// The server keeps up to a thousand rows of a COPY back before it looks at
// unique indexes. So a duplicate may come to light later than a value that
// violates a CHECK, however early its row was sent.
//
// Every way of writing is announced by the handle as a change of the tables that
// it writes, and no others, also by way of a temporary table: a cache keeps its
// answers about the rest.
//
// UpdateMany and DeleteMany lock rows in one statement and write them in the
// next, which sees rows that were inserted in between. They leave those alone:
// not locked in order, they made deadlocks of two calls.
//
// Export answers the end of its context and an error of its writer by a request
// to cancel, and swallows what still comes. pgconn would close the connection
// for either, and a caller's transaction would end because a client left.
package batchinsert
