// Package parquetsource reads Parquet files as rows for batchinsert.Load.
//
//	f, err := parquetsource.Open(file, size, nil)
//	rows, err := f.Records("flights.parquet")
//	report, err := batchinsert.Load(ctx, pg, "flights", rows, nil)
//
// The file is read page by page: of each column, one page, its dictionary and
// some hundred values are in memory at a time, whatever the file's size. How
// large a page is was decided by the program that wrote the file; 1 MiB is usual.
//
// Values are of the Go types whose text the server's types read, exactly:
//
//	BOOLEAN                          bool
//	INT32, INT64, INT(8 to 64)       int64; uint64 where an int64 is too small
//	FLOAT, FLOAT16                   float32
//	DOUBLE                           float64
//	DECIMAL                          pgtype.Numeric
//	STRING, ENUM                     string
//	JSON                             json.RawMessage
//	UUID                             [16]byte
//	DATE                             pgtype.Date
//	TIME                             pgtype.Time
//	TIMESTAMP, adjusted to UTC       time.Time in UTC
//	TIMESTAMP, local, and INT96      pgtype.Timestamp
//	INTERVAL                         pgtype.Interval
//	other byte arrays                []byte
//	NULL                             nil
//
// Nanoseconds are rounded to the microsecond, the finest that the server keeps.
//
// Pages may be uncompressed, or compressed by SNAPPY, GZIP, BROTLI or ZSTD.
//
// Columns that are nested or repeated have no place in a row of a table: to ask
// for one is an error, as it is for a column compressed by another codec. A file
// that is cut off or damaged is an error too, at the latest when the damage is
// read, by which a load is undone.
//
// # Design notes
//
// This is a module of its own so that Parquet and its compressions stay out of
// the module graph of everybody who writes rows.
//
// github.com/parquet-go/parquet-go decodes pages. Of it only pages are used,
// column by column: its row readers build rows of levels first, and it does not
// count what it reads, so that a column that ends early would go unnoticed. It
// panics on some damaged files; those panics become errors here.
//
// LZ4_RAW is refused, since parquet-go v0.32.0 decodes most of its pages into
// memory that it then does not use, and returns what was in the page's own
// memory before, without an error. TestEveryCodecIsReadOrRefused covers the
// codecs that are read.
//
// INT96 has no unit or zone in the format. It is taken as most readers take it:
// the timestamp of Hive and Impala, a day and a time without a zone.
package parquetsource
