// Package rules names the rules that the answers of a cache are right by, and
// breaks one of them on purpose: a check is worth something only where it would
// fail. [Broken] is the constant None, of which the compiler leaves nothing, but
// in a build with the tag "mutants".
//
// See package integration/consistency, which checks that each is noticed.
package rules
