package report

import "github.com/headrace/headrace/integration/benchmarks/internal/measure"

const hitCosts = "A hit of headrace compares the clock with the TTL, and the last change of each table with the time of the load. golang-lru and sync.Map have no TTL here, sync.Map has no bound either, and none of the peers invalidates."

var cachedReads = section{
	title: "Cached reads",
	about: "Typed reads of orders of 12 columns. All entries fit.",
	rows: []row{
		{subject: "headrace", how: "`ReadThrough` with `Policy.Shared`, which returns the stored value; `Follow` is on"},
		{subject: "headrace-copy", how: "`ReadThrough` with the default policy, which returns a copy; `Follow` is on"},
		{subject: "otter", module: otterModule, how: "a store under headrace's typed reads, with a TTL; returns the stored value"},
		{subject: "ristretto", module: ristrettoModule, how: "likewise"},
		{subject: "theine", module: theineModule, how: "likewise"},
		{subject: "golang-lru", module: lruModule, how: "likewise, without a TTL"},
		{subject: "sync.Map", library: "standard library", how: "likewise, without a TTL and without a bound"},
		{subject: "redis-json", module: redisModule, how: "rows as JSON in Redis on the same machine"},
		{subject: "server", how: "`Stmt.One` and `Stmt.Page` without a cache, PostgreSQL on the same machine"},
		{subject: "sqlc-scan", library: sqlcLibrary, bound: true, how: "generated code scans a row that is already in memory: a lower bound for cached/sqlc"},
	},
	columns: []column{
		{work: "cached/hot", does: "one row by its key, 100 keys in random order", why: hitCosts, brief: "Hits among 100 entries"},
		{work: "cached/cold", does: "one row by its key, 100,000 keys in random order, which the CPU's caches do not hold", why: hitCosts},
		{work: "cached/server-key", does: "as cached/hot, with fewer subjects"},
		{work: "cached/server-page50", does: "a page of 50 rows"},
		{work: "cached/sqlc", does: "one row by its key, through code that sqlc generated, on a cached handle with the default policy"},
	},
	tables: []table{perRead},
}

var parallelReads = section{
	title: "Cached reads in parallel",
	about: "Hits of two goroutines in the time of those of one; two cores would allow 2.",
	rows:  cachedReads.rows,
	columns: []column{
		{work: "cached/parallel", does: "one row by its key, 1,000 keys"},
	},
	tables: []table{
		{title: "Throughput of two goroutines relative to one", metric: measure.Ratio, more: true, what: "throughput of two goroutines relative to one"},
		{title: "The same by CPU time", metric: "cpu-ratio", more: true, what: "the same by CPU time"},
	},
}

const frequency = "headrace uses S3-FIFO, which keeps less of an entry's history than W-TinyLFU (otter, theine) and ARC do."

var hitRatios = section{
	title: "Hit ratio",
	about: "Share of requests that hit. Each cache holds the same number of entries.",
	rows: []row{
		{subject: "headrace", how: "`Aside`, with a budget that fits exactly that many entries"},
		{subject: "otter", module: otterModule, how: "evicts on the caller's goroutine"},
		{subject: "ristretto", module: ristrettoModule, how: "`Wait` after each `Set`"},
		{subject: "theine", module: theineModule, how: "`Wait` after each `Set`"},
		{subject: "golang-lru", module: lruModule, how: "LRU"},
		{subject: "golang-lru-2q", module: lruModule, how: "2Q"},
		{subject: "golang-lru-arc", module: arcModule, how: "ARC"},
		{subject: "belady", bound: true, how: "evicts what is needed last, knowing all requests: the upper bound"},
	},
	columns: []column{
		{work: "hitratio/zipf", does: "6,000,000 requests by Zipf's law (s = 1.01) for 1,000,000 keys, 50,000 entries; the first third is not counted", why: frequency},
		{work: "hitratio/scan", does: "the same with scans: after 1,000 such requests come 2,000 for keys that are requested once, which are not counted", why: frequency},
		{work: "hitratio/oltp2000", does: "the trace OLTP of Megiddo and Modha, \"ARC: A Self-Tuning, Low Overhead Replacement Cache\" (FAST 2003), 2,000 entries", why: frequency},
		{work: "hitratio/oltp10000", does: "the same trace, 10,000 entries", why: frequency},
	},
	tables: []table{{title: "Hits per request", metric: measure.HitRatio, more: true, what: "hits per request"}},
}

var heap = section{
	title: "Heap and garbage collector",
	about: "1,000,000 entries with keys of 8 bytes and pointers to values of 32 bytes, one cache after the other.",
	rows: []row{
		{subject: "headrace", how: "`Aside` with `Policy.Shared`"},
		{subject: "otter", module: otterModule, how: "with a TTL"},
		{subject: "ristretto", module: ristrettoModule, how: "with a TTL"},
		{subject: "theine", module: theineModule, how: "with a TTL"},
		{subject: "golang-lru", module: lruModule, how: "without a TTL"},
		{subject: "sync.Map", library: "standard library", how: "without a TTL and without a bound"},
	},
	columns: []column{{
		work: "gc/1M", does: "1,000,000 entries held",
		why:   "An entry of headrace refers to its value and to what is known of its statement; the collector follows both.",
		brief: "1,000,000 small entries",
	}},
	tables: []table{
		{title: "CPU of one cycle of the garbage collector, ms", metric: measure.CPUPerOp, scale: 1e6, what: "CPU of a garbage collection"},
		{title: "Heap per entry beyond its 40 bytes of data, bytes", metric: measure.BytesPerEntry, what: "heap per entry"},
	},
}
