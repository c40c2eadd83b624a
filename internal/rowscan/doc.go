// Package rowscan decodes the rows of PostgreSQL results into Go values by plans that are compiled once.
//
// A [Decoder] is made for a Go type. At the first result of a shape (names, types and formats of its columns, and the
// codecs that the connection has registered for them) it compiles a plan: for each column the offset of the field that
// takes it and the function that decodes it. Running a plan uses no reflection and no maps, and allocates nothing for a
// row but what the row keeps.
//
// Which column goes into which field, and which value each type of the server becomes, is what pgx.RowToStructByName
// does. Columns for which the package has no function of its own, and every value that is not in plain order (a NULL
// where the field takes none, a wrong length, an infinity), go through pgx's own scan plans, so results and errors are
// pgx's.
//
// # What results share
//
// The strings and byte slices of one result are cut from shared slabs of at most 16 KiB, and the targets of pointer
// fields from blocks of at most 4 KiB: a program that keeps one string of a large result keeps its slab. Values longer
// than 2 KiB have memory of their own. [strings.Clone] sets one free, [Decoder.Keep] a
// whole result.
//
// # Design notes
//
// The codec that a connection has registered decides, not the type's OID: programs replace codecs (ScanLocation), and
// domains and enums have OIDs of their own. Plans are never kept by type map, of which there is one for each connection.
//
// Room for rows is made after the smaller of the last two results. A larger guess would let one huge result cost every
// reader after it; without any, rows grow in chunks that are copied once, at about twice the memory. More than 256 KiB is
// made in two steps, the first a 64th of it: 5 rows after results of 10,000 cost 1.46 MB in one step and 43 KB in two.
//
// AppendTo clears the caller's room before rows are decoded to it, in steps of 4 KiB: decoders leave alone what a NULL does
// not set, pgx's plans may add to what is there, and fields may have no column. Clearing all of the room at once would
// cost a small result in a large slice its size.
//
// Decoders are called through function values. Inlining those of text and int8 into the loop over the columns was tried:
// no difference beyond noise in 15 interleaved runs of 100 and of 10,000 rows.
package rowscan
