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
//   - No answer is handed out that was asked for longer ago than its TTL, but
//     for StaleFor and StaleIfError where a policy has them.
//   - With Follow: what commits through the followed handle or its pool is seen
//     by every cached read that begins after the committing call returned.
//     A load that began before is neither kept nor joined. A rollback drops
//     nothing. While the outcome of a commit is unknown, answers that depend on
//     its tables come from the server.
//   - What other programs write is seen when the TTL has passed.
//   - An answer is handed out only for the same statement, arguments (by type
//     and value), Options.Scope and form. Values are the caller's own, unless
//     Policy.Shared says otherwise.
//   - Not kept at all are statements that write, lock, are volatile, read
//     temporary tables, or depend on the session where there is no Scope.
//     [ReadThrough.Explain] says what is kept and why not.
//
// It is not promised that anything stays: a cache may forget. Session settings
// (search_path, TimeZone, role) must be the same on all connections of a pool,
// or be told by Options.Scope.
//
// # Design notes
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
// The store is S3-FIFO over golang-lru's simplelru, in up to 64 shards, with an
// array of pointers in front of them that is read without locks. An entry of the
// small queue needs one use to stay, where the paper has two: on a database's
// trace 40 % of the reads hit instead of 37 % with 1,000 entries, and no less
// with more.
//
// Each lookup asks the monotonic clock, which is a quarter of what a hit costs.
// A clock kept by a goroutine would lag after the process was stopped, and its
// first answers would be too old.
package querycache
