// Package tablecache keeps the results of a [querycache.Cache] in a table of
// PostgreSQL, where all processes with the same database share them. It is for
// programs without a Redis: see package rediscache for that.
//
//	err := migrations.Install(ctx, pool) // once: creates the tables
//	tier, err := tablecache.New(ctx, url, nil)
//	defer tier.Close()
//	cache, err := querycache.New(&querycache.Options{Tiers: []querycache.Tier{tier}})
//
// The tables headrace.cache_entries and headrace.cache_versions are UNLOGGED:
// writing to them waits for no disk, they are not replicated, and a crash of the
// server empties both, which is a miss. They may be in the database of the
// program or on any other server.
//
// A read takes one round trip and costs the server about as much as a read of
// one row by its primary key, so that the Tier pays for results that cost more
// than that. Each stored result and each commit that changes a table writes a
// row. Processes do not learn of each other's raises by themselves: an entry in
// the memory of another process lives until its TTL.
//
// A Tier has a pool of its own, because a commit raises versions while its own
// connection is still in use. Nothing in it depends on a session, so that a
// pooler in transaction mode may be in between.
//
// # Bounds
//
// Every process removes expired results, and those next to expire while all
// together exceed Options.MaxBytes, in steps of 500 rows; an advisory lock lets
// one process at a time do so. Between two rounds of removal the table may
// exceed the bound. The files of the table also hold dead rows until autovacuum
// has removed them. Versions are removed a week after their last raise, which
// costs one miss for each result that depends on them.
//
// # Rights
//
// SELECT, INSERT, UPDATE and DELETE on the two tables, and USAGE on the schema
// headrace.
package tablecache
