// Package querycache serves repeated reads from memory, and from further tiers
// that several processes share, and invalidates entries when committed changes
// affect them.
//
// A program has two handles to one database: pg reads the current state, and
// reads may return results as old as their policy allows. The handle at the
// call site shows which is meant.
//
//	cache, err := querycache.New(nil)
//	reads, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Minute})
//	stop, err := cache.Follow(pg)
//	city, err := cityByID.One(ctx, reads, 42)
//
// # Guarantees
//
// The tests after each guarantee fail without it.
//
//   - An entry is never returned after its TTL, counted from the beginning of
//     its load, except under StaleFor and StaleIfError.
//     TestTTL, TestTTLCountsTheLoad, TestStaleFor, TestStaleIfError
//
//   - With Follow, every cached read that begins after a committing call has
//     returned sees the commit, through any handle to the same database. The
//     commit must be made through the followed handle or its pool. The result
//     of a load that began before the commit is neither stored nor shared with
//     later callers. A rollback invalidates nothing. While the outcome of a
//     commit is in doubt, reads that depend on its tables go to the server. A
//     server restart, or another server at the same address, invalidates all
//     entries before the pool uses its first connection to it; while only hits
//     occur, no connection is made, and entries live until their TTL.
//     TestOwnWritesAreSeen, TestHandlesOfOneDatabase, TestChangesAndLoads,
//     TestLoadsFromBeforeAChangeAreNotShared, TestRollbackDropsNothing,
//     TestLeavingADatabaseInvalidatesItsEntries, TestHandlesMeetAgain,
//     TestLostCommitsInvalidateEntries, TestSwappedDatabases,
//     TestSchemaChangedByAnotherHandle, TestConsistency
//
//   - Writes by other programs are seen when the TTL has passed.
//     TestOthersWritesWaitForTheTTL
//
//   - An entry serves only reads with the same statement (text and name),
//     arguments (types and values), Options.Scope and form, and only if it was
//     loaded in a session whose state was that of a new session of the pool.
//     Values belong to the caller unless Policy.Shared is set.
//     TestPoliciesOfOneText, TestScopeKeepsTenantsApart, TestStoreComparesKeys,
//     TestArgumentsOfAnyKind, TestChangedSessionsAnswerNobodyElse,
//     TestSettingsOfTheServer, TestSettingsInTransactions,
//     TestTypedAnswersAreCopies, TestTypesThatCannotBeCopied
//
//   - Some statements are neither stored nor coalesced: those that write or may
//     write, lock rows, are volatile, read temporary tables, or depend on the
//     session without a Scope. [ReadThrough.Explain] reports whether results
//     are stored, why not, and what limits the entries. The server resolves the
//     names in Policy.Tables as it does in SQL.
//     TestWritersAreNeitherKeptNorShared, TestRefusals,
//     TestExplainDescribesLimits, TestExplainDescribesInvalidation,
//     TestPolicyTablesAreResolvedAsInSQL
//
//   - The cache uses at most Options.MaxBytes. Results whose size cannot be
//     measured are not stored.
//     TestStoreAgainstAMap, TestStoreAccount, TestTextsAreCharged,
//     TestHeapIsAccounted, TestUnmeasurableValuesAreNotStored
//
//   - The cache causes no deadlocks. A load that would wait for itself, also
//     through other loads, fails with [ErrCycle]; only waits with the context
//     of the load are detected. [Cache.Close] cancels the loads under way and
//     waits at most 6 seconds for them.
//     TestCyclesOfLoads, TestCyclesWithTypedReads, TestCloseEndsLoads
//
//   - Options.Tiers adds further tiers behind the memory, which several
//     processes share. Own writes are seen as without them, whatever the tiers
//     do: versions of the tables are raised before the committing call returns,
//     and while a tier cannot be reached, it is passed over for what depends on
//     them. TTL, StaleFor, StaleIfError, EmptyTTL, MaxRows, MaxBytes and Scope
//     mean the same in every tier. Results of sessions with another role or
//     other settings are not shared. A value that is damaged, of another key or
//     of another release is a miss. SEVERAL-PROCESSES.md says what other
//     processes see when.
//     TestOwnWritesPassTiers, TestStoreThatGoesBack, TestRaisesAreMadeLater,
//     TestTierLosesDuringGet, TestTiersAndDoubt, TestDeadTiersCostOnce,
//     TestRaisesReachMemory, TestTiersCountAges, TestTiersServeStale,
//     TestEmptyTTL, TestTiersKeepScopesApart, TestTiersKeepSessionsApart,
//     TestTiersKnowTypes, TestTiersAndFormats, TestPortableKeysHaveEncodings,
//     TestTiersRejectDamage, TestDamagedValues, TestTiersThatMisbehave,
//     TestTiersAfterSchemaChanges, TestTiersHoldAsides,
//     TestTiersFollowInvalidations
//
// # Limits
//
// Any entry may be evicted at any time.
//
// Session settings such as search_path, TimeZone and role must be equal in all
// new connections of a pool, or be part of Options.Scope. The cache detects
// that a procedure or function changed its session by the settings that the
// server reports, by settings that it makes for its transaction (SET LOCAL),
// and by temporary tables in its text. It does not detect another role, a
// temporary table that no text shows, or a trigger on such a table; after
// those, run DISCARD ALL before the connection returns to its pool.
//
// A function that is declared STABLE is assumed not to write.
//
// A handle that adopted its pool observes neither sessions nor server restarts.
// Reads through a handle to a standby see the state of the standby, and entries
// live until their TTL.
//
// # Design notes
//
// Before the result of a new text is stored, the server is asked what the
// statement does. A program that writes values into its texts produces a new
// text for each read. Once a fingerprint has had 16 texts, each new text is
// therefore stored only from its second read on: see [MissFirstRead].
//
// Changes are numbered. Each table holds the number of its last change, and
// each entry holds the number of the last change before its load began. An
// entry is fresh while none of its dependencies has a higher number. An
// invalidation therefore need not find and remove entries, and a late store is
// harmless. Each hit pays for the check: one comparison per dependency.
//
// A load draws its number before the server is asked for the dependencies of
// the statement. A schema change therefore either has a higher number and
// invalidates the entry, or was reported before, and the dependencies include
// it.
//
// Entries are evicted by S3-FIFO; see internal/s3fifo.
//
// Each lookup reads the monotonic clock, which costs a quarter of a hit. A
// coarse clock, updated by a goroutine, would lag after the process was
// stopped, and the first hits would return expired entries. The monotonic clock
// of Linux stops while the machine sleeps. CLOCK_BOOTTIME does not, but Go can
// read it only by a system call: 28 us in a sandboxed machine where the
// monotonic clock took 0.2. Reading the wall clock as well would double the
// cost. A goroutine therefore compares the two clocks once a second; in the
// first second after a sleep, an entry may exceed its TTL by the time slept.
//
// Changes belong to a database, not to an address. Handles are matched by what
// the server reports about its identity: a pooler has an address of its own,
// and an address may lead to another server tomorrow.
package querycache
