package diagnose

import "github.com/headrace/headrace/db"

// A Kind is a kind of finding.
type Kind string

// The kinds of findings. The package documentation describes each of them.
const (
	PoolSaturated     Kind = "pool saturated"
	StatementDominant Kind = "statement dominant"
	StatementRepeated Kind = "statement repeated" // in a loop: N+1
	ReadsIdentical    Kind = "reads identical"    // the same arguments again: cacheable
	ResultsLarge      Kind = "results large"
	CacheIneffective  Kind = "cache ineffective"
	TierPassedOver    Kind = "tier passed over" // a further tier of a cache
	ProcessBusy       Kind = "process busy"     // CPU or scheduler
	MemoryShort       Kind = "memory short"     // memory and garbage collection
	MemoryGrowing     Kind = "memory growing"
	NetworkBound      Kind = "network bound"
	LockWaits         Kind = "lock waits"
	ConnectionLeaked  Kind = "connection leaked"
	Incomplete        Kind = "incomplete" // something could not be examined
)

// A Finding is something that takes time that the program need not spend, or a
// leak. It contains no arguments, and no constants of statements.
type Finding struct {
	Kind     Kind
	Title    string // in a few words
	Evidence string // in numbers
	Do       string // what to do

	// Share estimates which part of the time that callers spent with the
	// database is lost: of the time of statements and of the waits for
	// connections. For ConnectionLeaked it is the part of the pool, and for
	// MemoryGrowing, TierPassedOver and Incomplete it is 0.
	Share float64

	// The following are set where the finding is about one statement.

	Fingerprint uint64
	Name        string // of the statement, or ""
	Statement   string // text of the fingerprint, constants replaced

	Cache string     // name of the cache, where the finding is about one
	Stack []db.Frame // the place in the program, innermost first, where it is known
}

// A Resource is what a program waits for.
type Resource string

// The resources.
const (
	ByNothing  Resource = "none"
	ByCPU      Resource = "cpu"      // the CPU time of the process
	ByMemory   Resource = "memory"   // the memory limit of the process
	ByGarbage  Resource = "garbage"  // the garbage collector
	ByPool     Resource = "pool"     // connections
	ByNetwork  Resource = "network"  // round trips
	ByDatabase Resource = "database" // the server, at work on statements
	ByLocks    Resource = "locks"    // other transactions
)

// A Bottleneck is the resource that limits the program.
type Bottleneck struct {
	Resource Resource
	Share    float64 // see Finding
	Evidence string  // in numbers

	// The statement that takes the most time, for ByDatabase.

	Fingerprint     uint64
	Name, Statement string
}
