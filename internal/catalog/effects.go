package catalog

import "strconv"

// Effects is what a statement does to the relations of its database, as far
// as the server's own parser and catalogs tell. What cannot be known is said
// to be unknown and never assumed.
type Effects struct {
	// Reads has every table, partition, foreign table, materialized view and
	// sequence that the answer may depend on: views are resolved, children
	// added, and what row security policies and functions with a body in
	// SQL-standard form read. Complete where ReadsKnown.
	Reads      []Relation
	ReadsKnown bool

	// Only are those of Reads of which the answer takes the rows of the relation
	// itself (FROM ONLY) and none of those that inherit from it: a change of
	// their rows, which Writes tells of as one of the relation's too, does not
	// concern it. See Ancestors.
	Only []Relation

	// Views are the views that lead to Reads. For people, who may know a table
	// by them only.
	Views []Relation

	// Writes has every relation whose rows the statement may change: views
	// and rules are resolved, partitions (and their ancestors), children,
	// what foreign keys with actions change, and what the words of functions'
	// bodies name. Complete where WritesKnown; where not, [Locks] asked in the same transaction before it commits
	// knows.
	Writes      []Relation
	WritesKnown bool

	// Ancestors are those of Writes none of whose own rows the statement changes,
	// but rows of a partition or another table that inherits from them. Whoever
	// read one before it had that child knows of the ancestor alone.
	Ancestors []Relation

	// RowsOnly is true where whatever the statement changes, it changes through
	// the rows that its command tag counts: with a tag of no rows (UPDATE 0)
	// it has changed nothing.
	RowsOnly bool

	// Columns are the columns that Reads and the views above it are asked
	// for. The whole row is the column of no name. For people.
	Columns []Column

	// ReadOnly is true where it is certain that the statement changes nothing,
	// locks no rows, calls nothing volatile and reads nothing that a standby
	// lacks: it may run on a replica.
	ReadOnly bool

	// Cacheable is true where the answer depends on nothing but Reads, the
	// arguments, the role, the search path and Settings. Where it is false,
	// Refusals tells why, the worst first.
	Cacheable bool
	Refusals  []Refusal

	// Settings are the names of the server's settings on which the answer
	// depends, sorted: their values, by current_setting(name, true), belong
	// into the key of a kept answer.
	Settings []string

	// ParamTypes are the oids of the parameters' types.
	ParamTypes []uint32

	// TakesTime is true where a parameter is read as a date or a time, or may
	// be: the answer to one that holds a word such as today depends on when it
	// was asked for. See [NamesTime].
	TakesTime bool

	// ChangesNames is true where something that the statement calls may set the
	// search path or the role for the statements after it in its transaction.
	// What the statement itself sets is not looked at.
	ChangesNames bool

	// LeavesTemporary is true where something that the statement calls may make a
	// temporary relation that is there until the session ends.
	LeavesTemporary bool

	// DDL is true where the statement changes the schema or the rights: all
	// that was learned of any statement has to be learned again.
	DDL bool

	// Temporary is true where the statement makes a temporary relation, which
	// on its connection hides a permanent one of the same name.
	Temporary bool

	// Dependencies are the definitions that all of this was read from, and
	// Version is [Fingerprint] of them at that time.
	Dependencies Dependencies
	Version      int64
}

// Refusal is the worst reason why the answer may not be kept, the zero value
// where it may.
func (e *Effects) Refusal() Refusal {
	if len(e.Refusals) == 0 {
		return Refusal{}
	}
	return e.Refusals[0]
}

// A Relation is something with rows. It is comparable; where the relation is
// not in the catalogs any more, only OID is set.
type Relation struct {
	OID         uint32
	Schema      string
	Name        string
	Kind        Kind
	Persistence Persistence
}

// String returns the qualified name, quoted where it has to be.
func (r Relation) String() string {
	if r.Name == "" {
		return "relation " + strconv.FormatUint(uint64(r.OID), 10)
	}
	return quoteName(r.Schema) + "." + quoteName(r.Name)
}

// Kind is pg_class.relkind.
type Kind byte

// The kinds of relations that have rows, or lead to some.
const (
	Table            Kind = 'r'
	PartitionedTable Kind = 'p'
	View             Kind = 'v'
	MaterializedView Kind = 'm'
	ForeignTable     Kind = 'f'
	Sequence         Kind = 'S'
)

// Persistence is pg_class.relpersistence.
type Persistence byte

// What becomes of a relation's rows when a session or the server ends.
const (
	Permanent Persistence = 'p'
	Unlogged  Persistence = 'u'
	Temporary Persistence = 't'
)

// A Column is a column of a relation. An empty Name stands for the whole row.
type Column struct {
	Relation Relation
	Name     string
}

// Dependencies are all that a statement's effects were derived from. As long as
// its fingerprint stays the same, so do the effects under the same role and
// search path.
//
// Operators, casts, operator classes, collations, text search configurations and
// the checks of domains that somebody made always count, all of them: a text uses
// them without naming them, or names them in a constant.
type Dependencies struct {
	// Relations, Functions and Types are the objects looked at, by oid, sorted:
	// in pg_class (also views and the tables that foreign keys lead to),
	// pg_proc, and pg_type where somebody made them.
	Relations []uint32
	Functions []uint32
	Types     []uint32

	// Names are the names that were looked up, or may come to stand for
	// something else: the words of the text and of functions' bodies, sorted.
	// An object of such a name in any schema counts, be it there or not yet.
	Names []string

	// EventTriggers is true where it matters whether there are any.
	EventTriggers bool
}

// none reports whether the effects depend on nothing.
func (d *Dependencies) none() bool {
	return len(d.Relations)+len(d.Functions)+len(d.Types)+len(d.Names) == 0 && !d.EventTriggers
}
