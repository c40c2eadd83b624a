package report

import "github.com/headrace/headrace/integration/benchmarks/internal/measure"

var writeTables = []table{
	cpuPerRow,
	{title: "Client CPU relative to stream, with the bounds of the 95 % confidence interval", metric: measure.Ratio, what: "client CPU relative to stream"},
	{title: "Rows per second", metric: measure.RowsPerSec, more: true, what: "rows per second"},
	{title: "Time, ns per call", metric: measure.NsPerOp, what: "time per call"},
	{title: "Allocations per row", metric: measure.AllocsPerRow, what: "allocations per row"},
}

const parsesHere = "psql sends the file as it is, and the server parses it. headrace parses it in the program, so that an error names the line, and bad lines can be set aside."

var copies = section{
	title: "COPY and files",
	about: "Rows go into an empty table. Client CPU includes that of child processes.",
	rows: []row{
		{subject: "headrace", how: "`Table.Copy`; `Load` of CSV in csv/narrow; `Load` with parquetsource in load/flights"},
		{subject: "sqlc", library: sqlcLibrary, how: "generated code of `:copyfrom`"},
		{subject: "pgx-copyfrom", module: pgxModule, how: "`CopyFrom` with `CopyFromSlice`; in load/flights with a source on parquet-go"},
		{subject: "psql", library: "psql", how: "`\\copy` of the same file"},
		{subject: "timescaledb-parallel-copy", library: "timescaledb-parallel-copy", how: "the same file with one worker"},
		{subject: "stream", module: pgxModule, bound: true, how: "COPY of bytes that were encoded before: no encoder"},
		{subject: "floor", library: "PostgreSQL", bound: true, how: "copy/*: the server reads the same bytes from its own disk; csv/narrow: pgx sends the file, the server parses it"},
	},
	columns: []column{
		{work: "copy/narrow", does: "1,000,000 rows of four numbers"},
		{work: "copy/wide", does: "250,000 rows of 20 columns"},
		{work: "copy/nulls", does: "1,000,000 rows of 7 columns, a third of the values NULL"},
		{work: "copy/indexed", does: "copy/narrow into a table with a primary key and two indexes"},
		{work: "copy/busy", does: "copy/narrow beside two clients of pgbench"},
		{work: "csv/narrow", does: "the rows of copy/narrow as a CSV file", why: parsesHere, brief: "Loading a CSV file"},
		{work: "load/flights", does: "3,000,000 rows of 5 columns from a Parquet file, decoding included"},
	},
	tables: writeTables,
}

var inserts = section{
	title: "Inserts and upserts",
	about: "Rows of a slice, in one transaction.",
	rows: []row{
		{subject: "headrace", how: "`Table.Insert` and `Table.Upsert`, which leaves unchanged rows alone"},
		{subject: "pgx-batch", module: pgxModule, how: "one INSERT per row, pipelined 1,000 at a time; in upsert/1M with `ON CONFLICT DO UPDATE`, which rewrites unchanged rows"},
		{subject: "pgx-values", module: pgxModule, how: "INSERT with 1,000 rows of VALUES"},
		{subject: "pgx-copyfrom", module: pgxModule, how: "`CopyFrom`"},
		{subject: "gorm", module: gormModule, how: "`CreateInBatches` of 1,000"},
		{subject: "bun", module: bunModule, how: "`NewInsert` of 1,000"},
	},
	columns: []column{
		{work: "insert/1000", does: "1,000 rows of four numbers"},
		{work: "insert/100x7", does: "100 rows of 7 columns"},
		{work: "upsert/1M", does: "1,000,000 rows of four numbers, of which a third is new, a third changed and a third unchanged"},
	},
	tables: writeTables,
}

var badRows = section{
	title: "Loads with bad rows",
	about: "CSV files of 1,000,000 rows with `OnBad: Quarantine`.",
	rows: []row{
		{subject: "headrace-clean", how: "no line is bad"},
		{subject: "headrace", how: "each 10,000th line has a wrong type, a missing value, or violates a CHECK or a unique index"},
		{subject: "headrace-fk-clean", how: "no line is bad; the table has a foreign key"},
		{subject: "headrace-fk", how: "each 10,000th line violates the foreign key, for which the server reports no line"},
	},
	columns: []column{{work: "load/bad-rows", does: "`Load` of CSV into a table with a primary key and a CHECK"}},
	tables:  writeTables,
}

var memory = section{
	title: "Memory of a load",
	about: "Most memory of the process beyond what it had before, while it loads a CSV file that is generated meanwhile.",
	rows: []row{
		{subject: "headrace-10MB", how: "a file of 10 MB"},
		{subject: "headrace-100MB", how: "a file of 100 MB"},
		{subject: "headrace-1000MB", how: "a file of 1 GB"},
	},
	columns: []column{{work: "load/memory", does: "`Load` of CSV"}},
	tables:  []table{{title: "Peak, MiB", metric: "peak-MiB", what: "peak of memory"}},
}
