//go:build mutants

package db

import (
	"maps"
	"slices"
)

var broken rule

// Break breaks the rule of the given name in all handles of the process; ""
// mends it. It must not be called while a handle is used.
func Break(name string) {
	r, ok := ruleNames[name]
	if !ok && name != "" {
		panic("db: no rule " + name)
	}
	broken = r
}

// Rules returns the names that Break knows.
func Rules() []string { return slices.Sorted(maps.Keys(ruleNames)) }

var ruleNames = map[string]rule{
	"told-before-return": toldFirst, "rollback-tells-nothing": rollbackTells, "release-keeps": releaseKeeps,
	"doubt-is-told": doubtIsTold, "catalog-widens": catalogWidens, "types-in-keys": typesAreInKeys,
}
