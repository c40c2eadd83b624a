package consistency

// A Rule is a property that each read is checked against.
type Rule int

// The rules.
const (
	OwnWrites     Rule = iota // a read sees the earlier writes of its handle, however they were made
	Handles                   // a read sees the earlier writes of all followed handles of the process
	Rollbacks                 // a read never sees rows that were rolled back
	Together                  // rows that are written together are read together
	Keys                      // a result belongs to the statement and the arguments of the read
	ArgTypes                  // arguments of different types have different results
	Scopes                    // a result belongs to the tenant of the read
	Sessions                  // the result of a changed session is not shared
	Copies                    // a caller that changes its result does not affect others
	Invalidations             // an entry that the program invalidated is not returned
	Ages                      // no entry is older than the TTL of its statement name
	Times                     // results that depend on the time are stored only with a TTL
	SystemColumns             // results with system columns are not stored
	Restarts                  // an entry from before a restart of the server is not returned
	NoChange                  // a rollback is never reported as a change
	Elsewhere                 // a read of another process sees what was raised in the tiers, if these have kept it
	Explained                 // each error comes from a fault
	AfterWrites               // after the last write the caches equal the server
	rules
)

var ruleNames = [rules]string{
	OwnWrites: "own writes are seen", Handles: "writes of other handles are seen", Rollbacks: "rolled back rows are not seen",
	Together: "transactions are atomic", Keys: "results belong to their keys", ArgTypes: "argument types are compared",
	Scopes: "results belong to their tenant", Sessions: "changed sessions are not shared", Copies: "callers get copies",
	Invalidations: "invalidated entries are gone", Ages: "no entry exceeds its TTL", Times: "times are not constants",
	SystemColumns: "system columns are not stored", Restarts: "a restart invalidates all", NoChange: "a rollback is no change",
	Explained: "errors come from faults", Elsewhere: "other processes follow", AfterWrites: "at the end caches equal server",
}

// String returns the rule as a short sentence.
func (r Rule) String() string { return ruleNames[r] }
