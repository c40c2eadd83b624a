// Package consistency checks what a cache that follows its handle promises, by force: writers change values in every
// way there is, readers ask for them through the cache, and each answer is judged. Meanwhile connections are cut,
// writes are cancelled and the server is killed.
//
// Each way of writing (ways.go) has a value of its own that only rises. What a read must see at least is known when it
// begins: what the last write that returned has written. A value that was written and rolled back is negative, so that
// it is known when it is seen. See [Rule] for all that is judged.
//
// A check is only worth something where it could fail. So package db and package querycache have a switch for each of
// their rules that breaks it, in a build with the tag mutants, and the command integration/cmd/consistency counts in
// how many runs that is noticed. And a run in which nearly all is read from the server, or in which hardly anything is
// written, is blind: [Report.Err] says so.
package consistency
