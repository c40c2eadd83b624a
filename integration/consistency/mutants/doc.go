// Package mutants breaks the rules of the library that keep cached results
// correct, one at a time. It shows that the consistency test can fail.
//
// Each rule has a file NAME.mutant with the rule as a sentence, and edits of
// source files of the library. The source itself contains no trace of mutants.
// An edit is written like a diff, with "-" for removed lines, "+" for added
// lines, and context lines; it must match exactly one place. Added code calls
// [Broken] to find out whether the rule is broken now, so one program, built
// with [Overlay], breaks all rules in turn. If the source has changed so that
// an edit does not match, the tests of this package and the build fail.
//
// The command integration/cmd/consistency checks that each broken rule is
// detected.
package mutants
