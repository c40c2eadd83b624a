// Package consistency tests the guarantees of caches that follow their handles.
// Writers change values in many ways, readers read them through the caches, and
// each result is checked. Meanwhile connections are cut, the library's own
// sessions are ended, tables are locked, writes are cancelled and the server is
// killed.
//
// The process has three handles to the database, each with a cache that follows
// all of them. Writers use two handles. The third is only read through, and the
// server ends its sessions after a short idle time.
//
// Each way of writing (ways.go, functions.go) has its own value, which only
// rises. The least value that a read must return is known when the read begins:
// the value of the last write that has returned. Values that are rolled back
// are negative, so that a read detects them. Values that other programs write,
// and the time, have a history: a read must return at least the value at the
// beginning of its TTL. [Rule] lists all rules.
//
// With further tiers (Options.Tiers) the caches are small and share stores that
// fail, stop, answer late, lose or damage what they have, and go back to an
// earlier state. One more cache follows no handle, as that of another process:
// it must see a write once its names are raised in all tiers, as long as no
// store has lost that. [RunFleet] checks the same with several processes, which
// are stopped and killed, also between a commit and its raise. A process must
// see its own writes, those of others once they are raised, and no value that is
// older than the TTL of its statement.
//
// A test is useful only if it can fail. Package mutants breaks each rule of the
// library in a copy of its source, and the command integration/cmd/consistency
// counts the runs that detect it. [Report.Err] also rejects a run that could
// not have detected violations: one that reads nearly everything from the
// server, that never reads some value from a cache, or that writes too little.
package consistency
