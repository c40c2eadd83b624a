package catalog

// A Refusal is a reason against caching a result until one of the relations
// that it was read from changes.
type Refusal struct {
	Reason Reason
	Object string // the object in question: "random()", "public.events"; may be empty
}

// String returns "calls random(), which is volatile" and the like.
func (r Refusal) String() string {
	text := reasonTexts[min(int(r.Reason), len(reasonTexts)-1)]
	if r.Object == "" {
		return text
	}
	return r.Object + ": " + text
}

// A Reason is a kind of refusal. Higher values are worse.
type Reason uint8

// The reasons. Results refused up to Unexamined may be cached for a time that
// the caller chooses, knowing that no change invalidates them. From
// SequenceState on they may not be cached at all, unless the caller makes up
// for the reason, which is possible for SessionFunction and RowSecurity.
const (
	NotRefused       Reason = iota
	UnloggedTable           // a crash empties it, without a trace in the log
	MaterializedRows        // a materialized view: only REFRESH changes it
	ForeignRows             // a foreign table: its rows change elsewhere
	CatalogRows             // a catalog, or a view of information_schema
	TimeFunction            // depends on the time or the transaction: now(), CURRENT_DATE, text that is cast to a date
	TimeConstant            // 'today' and the like, evaluated when the statement is parsed
	HiddenFunction          // a function, not VOLATILE, whose words show its tables, but not whether it depends on the time
	UnknownFunction         // a function, not VOLATILE, that may read anything: declare its tables
	CatalogFunction         // a function or cast that reads the catalogs or the server's state
	Unexamined              // the statement could not be examined, for the reason in Object
	SequenceState           // a sequence read as a relation
	SessionFunction         // depends on the user or on settings, which must be part of the key
	RowSecurity             // policies show different rows to each user, who must be part of the key
	SystemColumn            // ctid, xmin and the like
	TemporaryTable          // other connections have another table of that name, or none
	VolatileFunction        // a different result each time, or writes: random(), nextval(), any function without a declared volatility
	LocksRows               // FOR UPDATE, FOR SHARE
	NotRead                 // not a SELECT, VALUES or TABLE, or it changes something
)

var reasonTexts = [...]string{
	NotRefused:       "the result can be cached",
	UnloggedTable:    "an unlogged table: a crash of the server empties it",
	MaterializedRows: "a materialized view: its rows change with REFRESH only",
	ForeignRows:      "a foreign table: its rows change elsewhere",
	CatalogRows:      "a catalog of the server",
	TimeFunction:     "depends on the time or the transaction",
	TimeConstant:     "a constant such as 'today' that moves with the time",
	HiddenFunction:   "a function whose body the server does not show: it may depend on the time",
	UnknownFunction:  "a function that may read any table",
	CatalogFunction:  "reads the catalogs or the server's state",
	Unexamined:       "the statement could not be examined",
	SequenceState:    "a sequence: its state changes outside transactions",
	SessionFunction:  "depends on the user or on settings of the session",
	RowSecurity:      "row security shows different rows to each user",
	SystemColumn:     "a system column: it changes with VACUUM and row locks too",
	TemporaryTable:   "a temporary table: each connection has its own",
	VolatileFunction: "volatile: a different result each time, or it writes",
	LocksRows:        "locks the rows that it reads",
	NotRead:          "not a plain read",
	NotRead + 1:      "unknown reason",
}

// Timed reports whether a result refused for this reason may still be cached
// for a time that the caller chooses: it is correct, and the same for every
// user.
func (r Reason) Timed() bool { return r < SequenceState }
