//go:build mutants

package rules

// Broken is the rule that is broken. It must not be set while a handle or a
// cache is used.
var Broken Rule
