// Package records reads files of records in chunks of whole records, and
// converts records for a COPY: to rows in binary if every value can be parsed in
// the client, and to text for the server's parser otherwise.
//
// A [Format] is a format of records: CSV, newline-delimited JSON, or COPY's text
// format, to which rows of a program are converted. [Open] removes compression
// and encoding from a file. A [Cutter] cuts its text into chunks, always at the
// same places, regardless of how the bytes arrive.
//
// # Design notes
//
// JSON is validated by encoding/json and then parsed by hand: in valid text only
// strings and brackets matter, and values without escapes need no allocation.
//
// zstd is decompressed by klauspost/compress, which has no dependencies; the
// standard library has gzip and bzip2 only. Encodings come from x/text, which is
// a dependency of pgx.
package records
