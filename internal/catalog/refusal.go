package catalog

// A Refusal tells why an answer may not be kept for as long as the relations
// that it was read from do not change.
type Refusal struct {
	Reason Reason
	Object string // what it is about: "random()", "public.events"; may be empty
}

// String returns "calls random(), which is volatile" and the like.
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
	Keepable:         "nothing speaks against keeping the answer",
	UnloggedTable:    "an unlogged table: a crash of the server empties it",
	MaterializedRows: "a materialized view: its rows change with REFRESH only",
	ForeignRows:      "a foreign table: its rows change elsewhere",
	CatalogRows:      "a catalog of the server",
	TimeFunction:     "depends on the time or the transaction",
	TimeConstant:     "a time that moves, written as a constant",
	HiddenFunction:   "a function whose body the server does not show: it may depend on the time",
	UnknownFunction:  "a function that may read any table",
	CatalogFunction:  "looks into the catalogs or at the server's state",
	Unexamined:       "the server could not be asked what the statement does",
	SequenceState:    "a sequence: its state changes outside transactions",
	SessionFunction:  "depends on the user or on settings of the session",
	RowSecurity:      "row security shows each user other rows",
	SystemColumn:     "a system column: it changes with VACUUM and row locks too",
	TemporaryTable:   "a temporary table: each connection has its own",
	VolatileFunction: "volatile: another answer each time, or it writes",
	LocksRows:        "locks the rows that it reads",
	NotRead:          "not a plain read",
	NotRead + 1:      "unknown reason",
}

// Timed tells whether an answer refused for this reason may still be kept for
// a time that the caller chose, as nobody else's answer and no wrong one.
func (r Reason) Timed() bool { return r < SequenceState }
