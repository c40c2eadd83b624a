// Package records reads files of records in chunks of whole records, and turns
// records into what a COPY takes: rows in binary where every value can be
// parsed here, text for the server's own reader where not.
//
// A [Format] is one way to write records: CSV, newline-delimited JSON, and
// COPY's own text, in which rows that a program yields are kept. [Open] takes
// off what is around a file's text: compression and encoding. A [Cutter] cuts
// it; the same file is cut the same way each time, however its bytes arrive.
//
// # Design notes
//
// JSON is checked by encoding/json and then walked by hand: of a text known to
// be valid, only strings and brackets have to be minded, and nothing is
// allocated for values without escapes.
//
// zstd comes from klauspost/compress, which depends on nothing; the standard
// library reads gzip and bzip2 only. Encodings come from x/text, which pgx
// brings along.
package records
