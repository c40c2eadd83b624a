package consistency

// A Rule is what answers are judged by.
type Rule int

// The rules.
const (
	OwnWrites     Rule = iota // a read sees what its handle wrote before it began, in whatever way
	Handles                   // and what any other followed handle of the process wrote
	Rollbacks                 // it never sees what was rolled back
	Together                  // what is written together is read together
	Keys                      // it is answered for its own statement and arguments
	ArgTypes                  // and for their types
	Scopes                    // and for its own tenant
	Sessions                  // an answer of a session that somebody has changed is nobody else's
	Copies                    // what callers do to their answers is not seen by others
	Drops                     // what was dropped by hand is not read again
	Ages                      // no answer is older than the TTL of its own name
	TimesMove                 // what depends on the time is kept within a TTL only
	SystemColumns             // what reads system columns is not kept
	Lives                     // an answer of a server that has started again since is not handed out
	NothingTold               // what is only rolled back is never told as a change
	AfterQuiet                // when nobody writes any more the cache says what the server says
	rules
)

var ruleNames = [rules]string{
	OwnWrites: "own writes are seen", Handles: "those of other handles are", Rollbacks: "rollbacks are not",
	Together: "written together, read together", Keys: "own statement and arguments", ArgTypes: "types of arguments",
	Scopes: "own tenant", Sessions: "sessions as they began", Copies: "own copies", Drops: "dropped is gone",
	Ages: "nothing older than its TTL", TimesMove: "times move", SystemColumns: "system columns are as they are",
	Lives: "a new server, new answers", NothingTold: "a rollback tells nothing", AfterQuiet: "after quiet all is equal",
}

// String says what holds.
func (r Rule) String() string { return ruleNames[r] }
