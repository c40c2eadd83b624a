package rules

// A Rule is one of the rules.
type Rule int

// The rules.
const (
	None Rule = iota

	// The rules of what a statement does: internal/catalog.
	BodiesFollowed // what a function's body reads and writes counts
	TimesMove      // what depends on the time is no constant
	SystemColumns  // system columns change without their row

	// The rules of what changed, and where: package db.
	ToldFirst      // a change is told before the call that committed it returns
	ToldAfter      // and not before it is committed
	BatchTells     // a commit in a batch is told when its result is read
	RollbackTells  // a rollback tells nothing
	ReleaseKeeps   // what was written since a savepoint that is released stays written
	DoubtIsTold    // an unknown outcome is told
	LateIsDoubt    // what is not known in time is in doubt until it is
	UnknownIsAll   // what cannot be known may be everything
	CatalogWidens  // what the catalogs add to a statement's own tables is told
	TypesInKeys    // arguments of different types have different keys
	OneDatabase    // handles to one database share its changes
	OneSchema      // and its schema
	ErrorsTellNone // an error does not tell where a connection leads

	// The rules of answers: package querycache.
	StampFirst      // the last change's number is noted before the load, not after it
	TablesCount     // a change of a table makes answers stale
	NoLateJoin      // a load from before a change answers nobody who asks after it
	DoubtCounts     // a change in doubt makes answers stale until it is settled
	DeadAreGone     // what was taken out of the store is not found
	KeysCompared    // equal hashes do not make equal keys
	ScopeInKey      // the scope is part of the key
	ArgsInKey       // the arguments are
	NameInKey       // and the name, which decides on the policy
	TimeCounts      // an answer expires
	OwnCopies       // callers get copies
	DropOvertakes   // a load that began before its key was dropped is not kept
	ChangeOvertakes // nor one that began before a change
	SessionsAlike   // nor one in a session that somebody has changed
	LivesEnd        // a server that started again drops everything

	count
)

// All returns the rules.
func All() (all []Rule) {
	for r := None + 1; r < count; r++ {
		all = append(all, r)
	}
	return all
}

// String returns the rule's name.
func (r Rule) String() string { return names[r] }

var names = [count]string{
	None: "none",

	BodiesFollowed: "bodies-followed", TimesMove: "times-move", SystemColumns: "system-columns",

	ToldFirst: "told-before-return", ToldAfter: "told-after-commit", BatchTells: "batch-tells-commits",
	RollbackTells: "rollback-tells-nothing", ReleaseKeeps: "release-keeps", DoubtIsTold: "doubt-is-told",
	LateIsDoubt: "late-is-doubt", UnknownIsAll: "unknown-is-all", CatalogWidens: "catalog-widens", TypesInKeys: "types-in-keys",
	OneDatabase: "one-database", OneSchema: "one-schema", ErrorsTellNone: "errors-tell-nothing",

	StampFirst: "stamp-first", TablesCount: "tables-count", NoLateJoin: "no-late-join", DoubtCounts: "doubt-counts",
	DeadAreGone: "dead-are-gone", KeysCompared: "keys-compared", ScopeInKey: "scope-in-key", ArgsInKey: "args-in-key",
	NameInKey: "name-in-key", TimeCounts: "time-counts", OwnCopies: "own-copies", DropOvertakes: "drop-overtakes",
	ChangeOvertakes: "change-overtakes", SessionsAlike: "sessions-alike", LivesEnd: "lives-end",
}
