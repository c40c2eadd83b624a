package report

import "github.com/headrace/headrace/integration/benchmarks/internal/measure"

var readRows = []row{
	{subject: "headrace", how: "`Stmt.All`, `Stmt.One` and `Stmt.Each` on a handle as `db.Open` returns it: statistics and change tracking are on"},
	{subject: "headrace-append", how: "`Stmt.AppendTo` with the same slice each time"},
	{subject: "headrace-queryrow", how: "`DB.QueryRow` and a handwritten `Scan`"},
	{subject: "headrace-profiled", how: "headrace-queryrow in a span of `db.Profile`, with `Options.SlowQuery`"},
	{subject: "sqlc", library: sqlcLibrary, how: "generated code on a pgxpool.Pool"},
	{subject: "pgx-scan", module: pgxModule, how: "a handwritten `Scan` for each row, appended to a nil slice"},
	{subject: "pgx-scan-prealloc", module: pgxModule, how: "the same with a slice of the right capacity"},
	{subject: "pgx-scan-append", module: pgxModule, how: "the same with the same slice each time"},
	{subject: "pgx-byname", module: pgxModule, how: "`CollectRows` with `RowToStructByName`"},
	{subject: "pgx-bypos", module: pgxModule, how: "`CollectRows` with `RowToStructByPos`"},
	{subject: "scany", module: scanyModule, how: "`pgxscan.Select` and `Get` on a pgxpool.Pool"},
	{subject: "sqlx", module: sqlxModule, how: "`Select` and `Get` on database/sql with pgx as the driver"},
	{subject: "bun", module: bunModule, how: "its query builder on database/sql with pgx as the driver"},
	{subject: "gorm", module: gormModule, how: "`Find` and `Take` on database/sql with pgx as the driver; no default transaction, no logger"},
	{subject: "ent", module: entModule, how: "its generated client on database/sql with pgx as the driver"},
	{subject: "bob", module: bobModule, how: "`bob.All` with a `StructMapper` on database/sql with pgx as the driver"},
	{subject: "floor", module: pgxModule, bound: true, how: "iterates over the rows and decodes the keys only: a lower bound for readers on pgx"},
}

var typedReads = section{
	title: "Typed reads, client only",
	about: "Rows become Go structs. The bytes of the server are replayed from a recording, so that only the client is measured.",
	rows:  readRows,
	columns: []column{
		{work: "read/1/replay", does: "one row of 12 columns by its key"},
		{work: "read/100x10/replay", does: "100 rows of 10 columns"},
		{work: "read/100x12/replay", does: "100 rows of 12 columns"},
		{work: "read/10000x12/replay", does: "10,000 rows of 12 columns"},
		{work: "read/wide/replay", does: "100 rows of 20 columns with NULLs, arrays and JSON; not ent, which needs types of the program's own for arrays"},
		{work: "read/100x12/cold/replay", does: "read/100x12 with a statement compiled for each read"},
		{work: "read/10000x12/cold/replay", does: "read/10000x12 with a statement compiled for each read"},
	},
	tables: []table{
		cpuPerRow,
		{title: "Allocations per read", metric: measure.AllocsPerOp, what: "allocations per read"},
		{title: "Bytes allocated per read", metric: measure.BytesPerOp, what: "bytes allocated per read"},
	},
}

var serverReads = section{
	title: "Typed reads from a server",
	about: "The same reads from PostgreSQL on the same machine, whose time is part of the figures.",
	rows:  readRows,
	columns: []column{
		{work: "read/1", does: "one row of 12 columns by its key"},
		{work: "read/100x10", does: "100 rows of 10 columns"},
		{work: "read/100x12", does: "100 rows of 12 columns"},
		{work: "read/10000x12", does: "10,000 rows of 12 columns"},
		{work: "read/wide", does: "100 rows of 20 columns with NULLs, arrays and JSON"},
		{work: "read/stream1M", does: "1,000,000 rows of 12 columns, one at a time; not sqlc and ent, which return slices"},
	},
	tables: []table{perRead},
}

var overhead = section{
	title: "Cost of statistics and change tracking",
	about: "`DB.QueryRow` beside that of pgxpool.Pool, on replayed bytes, with the bounds of the 95 % confidence interval.",
	rows:  readRows,
	columns: []column{
		{work: "queryrow/overhead", does: "one row of 12 columns by its key"},
	},
	tables: []table{{title: "Client CPU relative to pgx-scan", metric: measure.Ratio, what: "client CPU relative to pgx-scan"}},
}

var pages = section{
	title: "Pages",
	about: "Pages of 50 rows out of 1,000,000 orders, or 3,000,000 flights; each order has an index.",
	rows: []row{
		{subject: "headrace", how: "`Stmt.Page`: keyset pagination, which continues after the last key"},
		{subject: "offset", module: pgxModule, how: "`LIMIT 50 OFFSET n` with `RowToStructByName`"},
	},
	columns: []column{
		{work: "page/1/unique", does: "first page by the primary key"},
		{work: "page/10000/unique", does: "page 10,000 by the primary key"},
		{work: "page/1/nullable", does: "first page by a nullable column and the key"},
		{work: "page/10000/nullable", does: "page 10,000 by a nullable column and the key"},
		{work: "page/1/mixed", does: "first page by one column descending and the key ascending"},
		{work: "page/10000/mixed", does: "page 10,000 by one column descending and the key ascending"},
		{work: "page/1/flights/unique", does: "first page of flights by the primary key"},
		{work: "page/10000/flights/unique", does: "page 10,000 of flights by the primary key"},
		{work: "page/1/flights/nullable", does: "first page of flights by delay and the key"},
		{work: "page/10000/flights/nullable", does: "page 10,000 of flights by delay and the key"},
		{work: "page/1/flights/mixed", does: "first page of flights by distance descending and the key"},
		{work: "page/10000/flights/mixed", does: "page 10,000 of flights by distance descending and the key"},
	},
	tables: []table{
		{title: "Buffers that the server touches (`EXPLAIN (ANALYZE, BUFFERS)`)", metric: "buffers", what: "buffers"},
		{title: "Time, ns per page", metric: measure.NsPerOp, what: "time per page"},
	},
}
