// Package layering tests the source of this repository: which package may
// import which, what each package documents, and which words its names avoid. A
// change of a rule is a change of a table in a test, and so a decision.
package layering
