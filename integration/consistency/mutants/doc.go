// Package mutants breaks the rules that cached results are right by, one at a
// time: a check is worth something only where it would fail.
//
// Each rule has a file NAME.mutant: a line that says the rule, and edits of the
// library's source files, which have no trace of it. An edit is written as in a
// diff, with "-" for lines to take out and "+" for lines to put in, and lines
// around them to find the place; it must fit in one place exactly. What is put
// in asks [Broken] whether the rule is to be broken, so that one program, built
// with [Overlay], breaks each in turn. Where the source has moved on, the tests
// of this package fail, and so does a build.
//
// See package integration/consistency, which checks that each is noticed.
package mutants
