//go:build mutants

package querycache

import (
	"maps"
	"slices"
)

var broken rule

// Break breaks the rule of the given name in all caches of the process; ""
// mends it. It must not be called while a cache is used.
func Break(name string) {
	r, ok := ruleNames[name]
	if !ok && name != "" {
		panic("querycache: no rule " + name)
	}
	broken = r
}

// Rules returns the names that Break knows.
func Rules() []string { return slices.Sorted(maps.Keys(ruleNames)) }

var ruleNames = map[string]rule{
	"stamp-first": stampFirst, "tables-count": tablesCount, "no-late-join": noLateJoin, "doubt-counts": doubtCounts,
	"dead-are-gone": deadAreGone, "keys-compared": keysCompared, "scope-in-key": scopeInKey, "args-in-key": argsInKey,
	"time-counts": timeCounts, "own-copies": ownCopies, "drop-overtakes": dropOvertakes,
	"change-overtakes": changeOvertakes, "sessions-alike": sessionsAlike,
}
