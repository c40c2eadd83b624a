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

// Reason is a kind of refusal. Higher is worse.
type Reason uint8

// The reasons. Up to Unexamined an answer may be kept for a time that
// somebody chose, knowing that no change will drop it; from SequenceState on
// it may not be kept at all, unless the caller makes good for the reason, as it
// can for SessionFunction and RowSecurity.
const (
	Keepable         Reason = iota
	UnloggedTable           // a crash empties it, which no log tells
	MaterializedRows        // a materialized view: only REFRESH changes it
	ForeignRows             // a foreign table: its rows change elsewhere
	CatalogRows             // a catalog, or a view of information_schema
	TimeFunction            // depends on the time or the transaction: now(), CURRENT_DATE, text that is cast to a date
	TimeConstant            // 'today' and the like, read when the statement is parsed
	HiddenFunction          // a function, not VOLATILE, whose tables its words tell, but not whether it depends on the time
	UnknownFunction         // a function, not VOLATILE, that may read anything: declare its tables
	CatalogFunction         // a function or cast that looks into the catalogs or at the server's state
	Unexamined              // the server could not be asked; Object tells why
	SequenceState           // a sequence read as a relation
	SessionFunction         // depends on the user or on settings: the key has to hold them
	RowSecurity             // policies show each user other rows: the key has to hold the user
	SystemColumn            // ctid, xmin and the like
	TemporaryTable          // other connections see another table of the name, or none
	VolatileFunction        // another answer each time, or one that writes: random(), nextval(), any function not declared otherwise
	LocksRows               // FOR UPDATE, FOR SHARE
	NotRead                 // it is no SELECT, VALUES or TABLE, or it changes something
)

var reasonTexts = [...]string{
	Keepable:         "the result is cacheable",
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

// Timed tells whether an answer refused for this reason may still be kept for
// a time that the caller chose, as nobody else's answer and no wrong one.
func (r Reason) Timed() bool { return r < SequenceState }
