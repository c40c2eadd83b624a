package catalog

import "strconv"

// Effects describes what a statement does to the relations of its database, as
// far as the server's parser and catalogs show. Everything else is reported as
// unknown, never guessed.
type Effects struct {
	// Reads lists every table, partition, foreign table, materialized view and
	// sequence that the result may depend on. Views are resolved; children, and
	// relations read by row security policies and by functions with a body in
	// SQL-standard form, are included. Complete if ReadsKnown.
	Reads      []Relation
	ReadsKnown bool

	// Only lists the relations of Reads that are read FROM ONLY. Changes of
	// rows in tables that inherit from them do not affect the result, although
	// Writes reports such a change for the parent too. See Ancestors.
	Only []Relation

	// Views lists the views that lead to Reads, for messages.
	Views []Relation

	// Writes lists every relation whose rows the statement may change. Views
	// and rules are resolved; partitions (and their ancestors), children,
	// targets of foreign key actions, and relations that the words of function
	// bodies name are included. Complete if WritesKnown; if not, [Written] finds
	// them in the same transaction before it commits.
	Writes      []Relation
	WritesKnown bool

	// Ancestors lists the relations of Writes with no changed row of their own,
	// but changed rows in a partition or another table that inherits from them.
	// A reader that examined its statement before the child existed depends on
	// the ancestor only.
	Ancestors []Relation

	// RowsOnly reports that every change of the statement comes with a row that
	// its command tag counts: if the tag counts no row (UPDATE 0), it has
	// changed nothing.
	RowsOnly bool

	// Columns lists the columns that are read from Reads and the views above
	// them, for messages. An empty name stands for the whole row.
	Columns []Column

	// ReadOnly reports that the statement certainly changes nothing, locks no
	// rows, calls nothing volatile and reads nothing that a standby lacks: it
	// may run on a replica.
	ReadOnly bool

	// Cacheable reports that the result depends on nothing but Reads, the
	// arguments, the role, the search path and Settings. If it is false,
	// Refusals lists the reasons, the worst first.
	Cacheable bool
	Refusals  []Refusal

	// Settings lists the server settings that the result depends on, sorted.
	// Their values, by current_setting(name, true), are part of the key of an
	// entry.
	Settings []string

	// ParamTypes are the oids of the parameters' types.
	ParamTypes []uint32

	// TakesTime reports that a parameter is, or may be, read as a date or a
	// time: with an argument such as today, the result depends on the time of
	// the read. See [NamesTime].
	TakesTime bool

	// ChangesNames reports that a function called by the statement may set the
	// search path or the role for later statements of its transaction. It
	// ignores what the statement itself sets.
	ChangesNames bool

	// LeavesTemporary reports that a function called by the statement may
	// create a temporary relation that lasts until the session ends.
	LeavesTemporary bool

	// DDL reports that the statement changes the schema or privileges: the
	// effects of all statements have to be examined again.
	DDL bool

	// Temporary reports that the statement creates a temporary relation, which
	// hides a permanent relation of the same name on its connection.
	Temporary bool

	// Dependencies lists the definitions that the effects were derived from,
	// and Version is their [Fingerprint] at that time.
	Dependencies Dependencies
	Version      int64
}

// Refusal returns the worst reason against caching the result, the zero value
// if there is none.
func (e *Effects) Refusal() Refusal {
	if len(e.Refusals) == 0 {
		return Refusal{}
	}
	return e.Refusals[0]
}

// A Relation is a table, view or another relation with rows. It is comparable.
// If the relation is no longer in the catalogs, only OID is set.
type Relation struct {
	OID         uint32
	Schema      string
	Name        string
	Kind        Kind
	Persistence Persistence
}

// String returns the qualified name, quoted where necessary.
func (r Relation) String() string {
	if r.Name == "" {
		return "relation " + strconv.FormatUint(uint64(r.OID), 10)
	}
	return quoteName(r.Schema) + "." + quoteName(r.Name)
}

// Kind is pg_class.relkind.
type Kind byte

// The kinds of relations that have rows, or lead to relations that have.
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

// The values of pg_class.relpersistence.
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

// Dependencies lists everything that a statement's effects were derived from.
// As long as its fingerprint stays the same, so do the effects under the same
// role and search path.
//
// User-defined operators, casts, operator classes, collations, text search
// configurations and domain checks always count, all of them: a text uses them
// without naming them, or names them in a constant.
type Dependencies struct {
	// Relations, Functions and Types are the oids of the objects that were
	// looked up, sorted: in pg_class (including views and the tables that
	// foreign keys lead to), in pg_proc, and in pg_type if user-defined.
	Relations []uint32
	Functions []uint32
	Types     []uint32

	// Names lists the names that were looked up or may later resolve to
	// something else: the words of the text and of function bodies, sorted. An
	// object of such a name counts in any schema, whether it exists already or
	// not.
	Names []string

	// EventTriggers reports that the effects depend on the set of event
	// triggers.
	EventTriggers bool
}

// none reports whether d is empty.
func (d *Dependencies) none() bool {
	return len(d.Relations)+len(d.Functions)+len(d.Types)+len(d.Names) == 0 && !d.EventTriggers
}
