package report

import "github.com/headrace/headrace/integration/benchmarks/internal/measure"

const (
	tierCallsCost = "A read from a tier is a load that other callers join: it has a goroutine of its own, asks for the versions of the tables as well, compares them, and puts the rows into memory. A GET does none of that, and msgpack decodes a page about as fast. The server sends a page with less CPU of the client, and takes longer."
	rowsAreCheap  = "For one row, all of that costs more than the rest of a GET. PostgreSQL answers a read by primary key about as fast as Redis does: there a tier takes load off the server, and no time off the read."
)

var tierReads = section{
	title: "Reads from further tiers",
	about: "Typed reads of results that a tier has and memory has not, by one goroutine.",
	rows: []row{
		{subject: "headrace", how: "`ReadThrough` over package rediscache, with Redis on the same machine"},
		{subject: "headrace-table", how: "`ReadThrough` over package tablecache, with the tables in the database that is read"},
		{subject: "server", how: "`Stmt.All` and `Stmt.One` without a cache, prepared"},
		{subject: "redis-json", module: redisModule, how: "a GET and encoding/json"},
		{subject: "rueidis-json", module: rueidisModule, how: "a GET without client-side caching and encoding/json"},
		{subject: "redis-msgpack", module: msgpackModule, how: "a GET by go-redis and msgpack"},
	},
	columns: []column{
		{work: "tier/page50", does: "50 orders of 12 columns by the primary key, 100 pages in turn", why: tierCallsCost},
		{work: "tier/key", does: "one order by its key, 2,000 keys in turn", why: rowsAreCheap},
		{work: "tier/aggregate", does: "180 groups over 100,000 orders, 100 arguments in turn", why: tierCallsCost},
	},
	tables: []table{
		perRead,
		cpuPerRow,
		{title: "Client CPU relative to headrace, with the bounds of the 95 % confidence interval", metric: measure.Ratio, what: "client CPU relative to headrace"},
		{title: "Time relative to headrace, with the bounds of the 95 % confidence interval", metric: measure.TimeRatio, what: "time relative to headrace"},
		{title: "Allocations per read", metric: measure.AllocsPerOp, what: "allocations per read"},
	},
}

var tierCosts = section{
	title: "What a tier costs where it is of no use",
	about: "The same cache with and without a tier. A commit raises the versions of its tables in the tier before it returns: one round trip, however many statements it has.",
	rows: []row{
		{subject: "no-tier", bound: true, how: "without a tier"},
		{subject: "headrace", how: "with package rediscache"},
		{subject: "headrace-table", how: "with package tablecache, with the tables in the same database"},
		{subject: "headrace-stopped", how: "with package rediscache, whose Redis was stopped after the first read"},
		{subject: "headrace-paused", how: "the same with SIGSTOP: connections stay, and nothing is answered"},
	},
	columns: []column{
		{work: "tier/memory", does: "one row by its key from memory, 100 keys in turn"},
		{work: "tier/dead-page50", does: "a page of 50 rows from the server"},
		{work: "tier/dead-key", does: "one row by its key from the server"},
		{work: "tier/commit", does: "an UPDATE by key"},
		{work: "tier/commit5", does: "a transaction of five UPDATEs by key"},
	},
	tables: []table{
		{title: "Client CPU relative to no-tier, with the bounds of the 95 % confidence interval", metric: measure.Ratio, what: "client CPU relative to no-tier"},
		{title: "Time relative to no-tier, with the bounds of the 95 % confidence interval", metric: measure.TimeRatio, what: "time relative to no-tier"},
		{title: "Time, ns per operation", metric: measure.NsPerOp, what: "time per operation"},
		{title: "Allocations per operation", metric: measure.AllocsPerOp, what: "allocations per operation"},
	},
}

var notified = section{
	title: "Time until another process knows",
	about: "A commit in one cache invalidates the memory of another, which has a client of its own. The commit itself waits for the raise, so Redis may report it to the other before the commit has returned: that counts as 0.",
	rows: []row{
		{subject: "headrace", how: "from the return of the commit until the other memory is invalid"},
		{subject: "headrace-raise", how: "from the begin of the raise, within the commit"},
		{subject: "ping", module: rueidisModule, bound: true, how: "a PING of the same Redis, between two commits"},
	},
	columns: []column{{work: "tier/notify", does: "4,000 commits and PINGs in turn"}},
	tables: []table{
		{title: "Median, ns", metric: measure.MedianTime, what: "median time"},
		{title: "99th percentile, ns", metric: measure.P99Time, what: "99th percentile"},
	},
}
