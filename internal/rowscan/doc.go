// Package rowscan decodes the rows of PostgreSQL results into Go values, by
// plans that are compiled once.
//
// A [Decoder] belongs to a Go type. At the first result of a shape (names,
// types and formats of its columns, and the codecs that the connection has
// registered for them) it compiles a plan: for each column the offset of its
// field and the function that decodes it. A plan uses no reflection and no
// maps, and allocates nothing for a row except what the row keeps.
//
// Columns are matched to fields, and values converted, as by
// pgx.RowToStructByName. Columns without a decoding function here, and every
// irregular value (a NULL for a field that cannot hold it, a wrong length, an
// infinity), go through pgx's own scan plans, so that results and errors are
// pgx's.
//
// # What results share
//
// The strings and byte slices of one result are cut from shared slabs of at
// most 16 KiB, and the targets of pointer fields from blocks of at most 4 KiB:
// a retained string of a large result keeps its slab alive. Values longer than
// 2 KiB have memory of their own. [strings.Clone] detaches one string,
// [Decoder.Keep] a whole result.
//
// # Design notes
//
// Plans depend on the codec that a connection has registered, not on the type's
// OID: programs replace codecs (ScanLocation), and domains and enums have OIDs
// of their own. Plans are not cached by type map, since each connection has
// one.
//
// Memory for rows is allocated by the smaller of the last two results. With a
// larger guess one huge result would cost every later reader; without a guess
// rows grow in chunks that are copied once, at about twice the memory. More
// than 256 KiB is allocated in two steps, the first a 64th: 5 rows after
// results of 10,000 cost 1.46 MB in one step and 43 KB in two.
//
// AppendTo clears the caller's slice before it decodes rows into it, in steps
// of 4 KiB: decoders do not touch what a NULL does not set, pgx's plans may
// append to existing values, and fields may have no column. Clearing the whole
// slice at once would make a small result in a large slice pay for its size.
//
// Decoders are called through function values. Inlining those of text and int8
// into the loop over the columns made no difference beyond noise in 15
// interleaved runs of 100 and of 10,000 rows.
package rowscan
