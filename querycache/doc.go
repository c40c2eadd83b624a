// Package querycache answers repeated reads from memory and drops what
// committed changes made stale.
//
// A program has two handles to one database: pg, which is the truth, and reads,
// whose answers may be as old as their policy says. The handle at the call site
// tells which is meant.
//
//	cache, err := querycache.New(nil)
//	reads, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Minute})
//	stop, err := cache.Follow(pg)
//	city, err := cityByID.One(ctx, reads, 42)
//
// # What is promised
//
// After each promise come the tests that fail without it.
//
//   - No answer is handed out that was asked for longer ago than its TTL, but
//     for StaleFor and StaleIfError where a policy has them.
//     TestTTL, TestTTLCountsTheLoad, TestStaleFor, TestStaleIfError
//
//   - With Follow: what commits through the followed handle or its pool is seen
//     by every cached read that begins after the committing call returned,
//     through whichever handle to the same database. A load that began before
//     is neither kept nor joined. A rollback drops nothing. While the outcome of
//     a commit is unknown, answers that depend on its tables come from the
//     server. A server that was started again, or another one, drops everything
//     before the pool's first connection to it is used; as long as nothing but
//     hits needs the pool, answers go on for their TTL.
//     TestOwnWritesAreSeen, TestHandlesOfOneDatabase, TestChangesAndLoads,
//     TestFlightsFromBeforeAChangeAreNotJoined, TestRollbackDropsNothing,
//     TestLeavingADatabaseDropsItsEntries, TestHandlesMeetAgain,
//     TestLostCommitsAreForgotten, TestSwappedDatabases,
//     TestSchemaChangedByAnotherHandle, TestConsistency
//
//   - What other programs write is seen when the TTL has passed.
//     TestOthersWritesWaitForTheTTL
//
//   - An answer is handed out only for the same statement by text and name,
//     arguments (by type and value), Options.Scope and form, and only if its
//     session was as sessions of the pool begin. Values are the caller's own,
//     unless Policy.Shared says otherwise.
//     TestPoliciesOfOneText, TestScopeKeepsTenantsApart, TestStoreComparesKeys,
//     TestArgumentsOfAnyKind, TestChangedSessionsAnswerNobodyElse,
//     TestSettingsOfTheServer, TestSettingsInTransactions,
//     TestTypedAnswersAreCopies, TestTypesThatCannotBeCopied
//
//   - Not kept at all, nor shared by callers that ask at once, are statements
//     that write, or may, that lock, are volatile, read temporary tables, or
//     depend on the session where there is no Scope. [ReadThrough.Explain] says
//     what is kept and why not, and what limits what is kept. Policy.Tables are
//     what SQL takes their names for.
//     TestWritersAreNeitherKeptNorShared, TestRefusals,
//     TestExplainSaysWhatLimitsAnswers, TestExplainSaysWhatHappens,
//     TestTablesOfPolicies
//
//   - All that is kept takes Options.MaxBytes at most.
//     What cannot be measured is not kept.
//     TestStoreAgainstAMap, TestStoreAccount, TestTextsAreCharged,
//     TestHeapIsAccounted, TestValuesThatCannotBeMeasured
//
//   - Nobody waits for ever because of the cache. A load that would wait for
//     itself, if over other loads, fails with [ErrCycle]; only what a load waits
//     for with its own context is seen. [Cache.Close] cancels the loads under way
//     and waits for them for 6 seconds at most.
//     TestCyclesOfLoads, TestCyclesWithTypedReads, TestCloseEndsLoads
//
// It is not promised that anything stays: a cache may forget. Session settings
// (search_path, TimeZone, role) must be the same when the connections of a pool
// begin, or be told by Options.Scope. A procedure or function that leaves its
// session changed is noticed by the settings that the server reports, by what it
// sets for its transaction (SET LOCAL), and by temporary tables that its text
// makes: one that leaves another role, a temporary table that no text shows, or a
// trigger on such a table needs a DISCARD ALL before the connection goes back to
// its pool. A function that is declared STABLE is taken not to write. A handle
// that adopted its pool sees nothing of its sessions, nor that its server was
// started again. A handle to a standby has what the standby had, and its TTL.
//
// # Design notes
//
// To keep the answer to a new text the server has to be asked what the statement
// does. A program that writes values into its texts has a new one for each read,
// so of a fingerprint that has had 16 texts a new one is only passed through, and
// kept from its second read on: see [MissFirstRead].
//
// A change draws a number; each table keeps that of its last change; an answer
// keeps the last number that was told before its load began. It is fresh while
// no table it depends on has a higher one. So nothing has to be found and
// removed when something changes, and a late store does no harm: the check is
// made on each hit, and costs a comparison for each table.
//
// A statement's tables are learned after that number was drawn, from what the
// server's own parser says. A change of the schema therefore either comes later,
// and voids the answer, or was told before, and is known to what is learned.
//
// Entries are kept by S3-FIFO; see internal/s3fifo.
//
// Each lookup asks the monotonic clock, which is a quarter of what a hit costs.
// A clock kept by a goroutine would lag after the process was stopped, and its
// first answers would be too old. The monotonic clock of Linux stands still while
// the machine sleeps. The one that does not (CLOCK_BOOTTIME) is out of Go's reach
// but by a system call: 28 us in a sandboxed machine where the monotonic clock
// took 0.2; and the wall clock, read beside it, would double its cost. So a
// goroutine compares the two once a second, and in the first second after a
// sleep an answer may be older than its TTL by the time slept.
//
// What is known of changes belongs to a database. Handles to it are told apart
// from others by what the server says of itself, not by its address: a pooler
// has another one, and one address may lead to another server tomorrow.
package querycache
