//go:build !mutants

package rules

// Broken is the rule that is broken: none.
const Broken = None
