// Package consistency checks what caches that follow their handles promise, by force: writers change values in every
// way there is, readers ask for them through the caches, and each answer is judged. Meanwhile connections are cut, the
// library's own sessions are ended, tables are locked, writes are cancelled and the server is killed.
//
// The process has three handles to the database, each with a cache that follows all of them. Writers use two; the
// third is only read through, and the server ends its sessions when they were idle for a moment.
//
// Each way of writing (ways.go, functions.go) has a value of its own that only rises. What a read must see at least is
// known when it begins: what the last write that returned has written. A value that was written and rolled back is
// negative, so that it is known when it is seen. What another program writes, and the time, has a history: a read must
// see what was there before its TTL began. See [Rule] for all that is judged.
//
// A check is only worth something where it could fail. So package mutants breaks each rule of the library in a copy of
// its source, and the command integration/cmd/consistency counts in how many runs that is noticed. And a run in which nearly all is read from the server, in which some value is never answered from a
// cache, or in which hardly anything is written, is blind: [Report.Err] says so.
package consistency
