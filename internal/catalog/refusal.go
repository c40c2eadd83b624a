package catalog

// A Refusal is a reason why a result may change although the relations that it
// was read from do not.
type Refusal struct {
	Reason Reason
	Object string // of the reason, such as "random()" or "public.events"; may be ""
}

// String returns the object and the reason, such as "public.events: row security
// shows each user different rows".
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
	NotRefused:       "the result is cacheable",
	UnloggedTable:    "an unlogged table, which a server crash empties",
	MaterializedRows: "a materialized view, whose rows change only with REFRESH",
	ForeignRows:      "a foreign table, whose rows may change on another server",
	CatalogRows:      "a system catalog",
	TimeFunction:     "depends on the time or the transaction",
	TimeConstant:     "a constant that depends on the time, such as 'today'",
	HiddenFunction:   "a function whose body the server does not show, which may depend on the time",
	UnknownFunction:  "a function that may read any table",
	CatalogFunction:  "reads the system catalogs or the state of the server",
	Unexamined:       "the statement could not be examined",
	SequenceState:    "a sequence, whose state changes outside transactions",
	SessionFunction:  "depends on the user or on session settings",
	RowSecurity:      "row security shows each user different rows",
	SystemColumn:     "a system column, which VACUUM and row locks change too",
	TemporaryTable:   "a temporary table, which is different in each session",
	VolatileFunction: "volatile: its results differ between calls, or it writes",
	LocksRows:        "locks the rows that it reads",
	NotRead:          "not a plain read",
	NotRead + 1:      "unknown reason",
}

// Timed reports whether a result refused for this reason may still be cached
// for a time that the caller chooses: it is correct, and the same for every
// user.
func (r Reason) Timed() bool { return r < SequenceState }
