// Package diagnose says what slows a program down at its database, warns when
// thresholds are crossed, and answers health checks.
//
// A [Monitor] measures a handle, its caches and the process in windows of 5
// seconds. [Monitor.Findings] says what takes time that the program need not
// spend, [Monitor.Bottleneck] which resource limits it, and Options.Thresholds
// warn. A [Health] says whether the program is alive and ready. Package dbdebug
// shows all of it.
//
//	monitor, err := diagnose.New(pg, nil)
//	defer monitor.Close()
//	for _, f := range monitor.Findings(ctx) {
//		fmt.Println(f.Title, f.Evidence, f.Do)
//	}
//
// # Findings
//
// Findings are about the last 12 windows: a minute, by default. The time of
// callers is the time of statements plus that of waits for connections. A load
// is a mean number of callers with an operation under way; below a load of 0.1,
// time is no finding.
//
// [PoolSaturated]: callers wait because all connections are in use.
// Measured: waits make up 10 % of the time of callers, and all connections are
// in use at the end of half of the windows with waits; waits for connections to
// be opened do not count.
// Do: make statements faster, or release connections earlier where they are
// held while no statement runs, or raise pool_max_conns.
//
// [StatementDominant]: the server works on one statement most of the time.
// Measured: its time on the network, less a round trip for each call, is half
// of the time of callers, and a millisecond or more for each call.
// Do: EXPLAIN it, add an index, read less, or cache it.
//
// [StatementRepeated]: a loop of round trips ("N+1").
// Measured: one place in the program sends a statement ten times or more with
// different arguments in one span of [db.Profile]; see [db.Repeat].
// Do: one statement with = ANY($1), a join, a Loader, Gather, a bulk write.
//
// [ReadsIdentical]: a read is repeated with the same arguments.
// Measured: ten calls or more, and 30 % of the calls in spans, have the
// arguments of one of the 32 calls before in the same span.
// Do: cache it, or pass the result on.
//
// [ResultsLarge]: a read returns large results.
// Measured: 5,000 rows or 1 MiB for each call, or 1,000 rows without LIMIT, on
// average, in a read that takes 5 % of the time of callers.
// Do: pages, fewer columns, aggregation by the server, Options.MaxRows.
//
// [CacheIneffective]: a cache answers few lookups.
// Measured: of 100 lookups or more less than half are answered, or more than
// half are refused, in all windows and in the last quarter of them.
// Do: depends on the most frequent kind of misses, which the finding names.
//
// [TierPassedOver]: a cache does not use a further tier, or uses it for some
// reads only.
// Measured: the tier is down, or raises are pending, at both ends of the last
// window.
// Do: see that the store answers; the cache then uses it again by itself.
//
// [ProcessBusy]: the program lacks CPU time.
// Measured: 85 % of what GOMAXPROCS allows is used, or the 99th percentile of
// the time that goroutines wait for a thread is 10 ms or more in half of the
// windows.
// Do: a CPU profile, fewer rows and columns, more CPUs.
//
// [MemoryShort]: the garbage collector is busy, or memory runs out.
// Measured: the collector takes 10 % of the CPU time of a process that uses 20
// % of what it may, or the live heap is 80 % of GOMEMLIMIT.
// Do: a profile of allocations, smaller results, smaller caches, a higher limit.
//
// [MemoryGrowing]: a leak of memory or of goroutines.
// Measured: in each fifth of all windows, the lowest live heap without the
// caches, or the lowest number of goroutines, is greater than in the fifth
// before, and in the end by a half, and by 64 MiB or 1,000 goroutines. It takes
// 60 windows.
// Do: compare two profiles.
//
// [NetworkBound]: the time goes into round trips, not into the server.
// Measured: the shortest of five round trips on a connection of the Monitor's,
// times the number of statements, is half of the time of callers. Round trips
// below 250 us are those of one machine and do not count.
// Do: batches, Gather, Loaders, bulk writes, the cache.
//
// [LockWaits]: sessions wait for locks, or transactions are open for long.
// Measured: pg_locks and pg_stat_activity, for the sessions of the database;
// see Options.HeldFor for the bounds.
// Do: shorter transactions, the same order of locks, timeouts.
//
// [ConnectionLeaked]: a connection is not returned.
// Measured: [db.DB.Held], for Options.HeldFor. The place that acquired it is
// known once acquisitions are recorded, which the Monitor turns on while
// connections are held for half of that time.
// Do: depends on whether rows or a transaction are open, which the finding says.
//
// [Incomplete]: something could not be examined: the server did not answer, or
// the role may not see the sessions of other roles.
//
// # Guarantees
//
//   - No argument, and no constant of a statement's text, is in a finding, a
//     warning, a log message or a report. Texts are those of fingerprints, and of
//     an error of the server only the code is shown.
//     TestNoValues, TestDescribe
//   - A Monitor runs one goroutine, never runs the garbage collector, and uses
//     no connection of the pool. It connects only when Findings or Bottleneck is
//     called, asks at most once per window, with a timeout, and closes the
//     connection after a minute without use.
//     TestServerIsAskedOncePerWindow, TestBeforeConnect
//   - Memory is bounded: 120 windows of 50 statements are a megabyte, and the two
//     readings that the next window is made of hold at most 2,049 statements
//     each, 3 kB or less per statement.
//     TestMemoryIsBounded
//   - A threshold is reported once per crossing, and at most once a minute.
//     TestWatch
//   - Health checks do not queue behind the traffic of the program: the check of
//     the server has a connection of its own.
//     TestReadyWithExhaustedPool
//   - What the options call may fail, panic or hang: the Monitor and the checks
//     go on. Only Options.OnWarning must return.
//     TestLag, TestWarnings, TestReadyWithStuckFunction
//
// # Limits
//
// Statements and waits count when they end. A statement that runs for minutes
// is seen as a connection in use until then.
//
// Spans count when they end, and a handle keeps 64 of them. A span that never
// ends is not seen, nor a loop outside of spans.
//
// Shares are estimates. They add up to more than 1 where findings overlap: a
// loop of round trips is also a statement that dominates, and both make callers
// wait for connections.
//
// Statements of batches count in Window.Total only, as time of the server.
package diagnose
