package querycache

// A rule is one of those that answers are right by. A build with the tag
// "mutants" can break one, to see that the tests notice; in every other build
// broken is the constant 0 and the compiler leaves nothing of it.
type rule int

const (
	allHold         rule = iota
	stampFirst           // the last change's number is noted before the load, not after it
	tablesCount          // a change of a table makes answers stale
	noLateJoin           // a load from before a change answers nobody who asks after it
	doubtCounts          // a change in doubt makes answers stale until it is settled
	deadAreGone          // what was taken out of the store is not found
	keysCompared         // equal hashes do not make equal keys
	scopeInKey           // the scope is part of the key
	argsInKey            // the arguments are
	timeCounts           // an answer expires
	ownCopies            // callers get copies
	dropOvertakes        // a load that began before its key was dropped is not kept
	changeOvertakes      // nor one that began before a change
	sessionsAlike        // nor one in a session that somebody has changed
)
