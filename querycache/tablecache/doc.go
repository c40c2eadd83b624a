// Package tablecache keeps the results of a [querycache.Cache] in tables of
// PostgreSQL, where all processes with the same tables share them. It needs no
// further server.
//
//	err := tablecache.Install(ctx, pg, "")
//	tier, err := tablecache.New(ctx, os.Getenv("CACHE_URL"), nil)
//	defer tier.Close()
//
// # When it is worth it
//
// A Get is a query by primary key: it takes one to two times as long as a read
// of a row or of an indexed page of 50 rows, so it does not help these. It pays
// for results that the server works for: on the machine of the measurement, a
// page of 50 rows that sorts a scan of 200,000 rows took a hundred times as
// long as a Get, and an aggregate over them two hundred times. It also keeps
// such results over a restart of the program. Use policies to select them.
//
// # What is stored
//
// [Install] and [Migration] create three UNLOGGED tables in a schema of their
// own, by default "headrace_cache":
//
//	CREATE UNLOGGED TABLE results (
//	    key     text        COLLATE "C" PRIMARY KEY,
//	    value   bytea       NOT NULL,
//	    expires timestamptz NOT NULL
//	);
//	CREATE UNLOGGED TABLE versions (
//	    name    text        COLLATE "C" PRIMARY KEY,
//	    version bigint      NOT NULL CHECK (version <> 0),
//	    expires timestamptz NOT NULL
//	);
//	CREATE UNLOGGED TABLE sweeps (
//	    id    integer     PRIMARY KEY CHECK (id = 1),
//	    began timestamptz NOT NULL
//	);
//
// A role other than their owner needs USAGE on the schema, and SELECT, INSERT,
// UPDATE and DELETE on the tables. All of them may be emptied at any time with
// TRUNCATE, which also gives disk space back.
//
// # What a Tier promises
//
// Get reads value and versions from one snapshot of the primary, so that they
// are at least as recent as each Raise that has ended. A standby is refused. A
// version is random. After a crash of the server, and after a failover to a
// standby, the tables are empty: all results are invalid, and no earlier
// version comes back. The exception are backups: a dump that includes the rows
// of these tables (pg_dump does without --no-unlogged-table-data) must not be
// restored without the rest of its database.
//
// Calls return when their context ends. What has been sent may still take
// effect. A call is repeated only when the server asks for that (40001, 40P01).
//
// # Connections
//
// A Tier has at most 4 connections of its own (pool_max_conns in the connection
// string), and not those of the program: the Cache raises while a commit is
// reported, and the connection that has committed is not free yet; in a pool
// of one, the raise would wait for it until its deadline. The Cache does not
// follow these connections, so that raises are not themselves changes.
//
// The tables may be in the program's database, in another one, or on another
// server. A database of their own is best: there, long transactions of the
// program do not keep VACUUM from removing old rows.
//
// Behind PgBouncer in any mode, add default_query_exec_mode=exec to the
// connection string. No state of a session outlives a transaction.
//
// # Removal of rows
//
// Expired rows are removed by passes over the tables, once a minute by one of
// the processes, at most 500 rows in a statement, with pauses. They wait for no
// lock. The order in which [Options.MaxBytes] removes results is that in which
// they expire. Autovacuum must be on.
//
// # Design notes
//
// Commits wait neither for the disk nor for synchronous standbys, whatever
// synchronous_commit is: a transaction that has written only to unlogged tables
// has no log to wait for.
//
// There is no index on expires. With one, no update of a value is HOT (without
// it, 95 to 100 of 100 are), and its dead entries, which a long transaction
// keeps, would make each step of a pass slower than the one before. A pass reads
// ranges of blocks instead.
//
// A row in sweeps, and no advisory lock, selects the process that makes a pass:
// the lock would have to outlive transactions, which it cannot behind a pooler.
//
// Values have the default storage, compressed by the server's
// default_toast_compression. Text took a third of the space, and reading it not
// measurably longer. lz4 is not named, since some servers are built without it.
package tablecache
