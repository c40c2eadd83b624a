package catalog

// references lists what a node tree refers to, before any lookup.
type references struct {
	statement   bool // the tree is that of the examined statement, whose parameters have unknown values
	reads       []read
	writes      []write
	functions   []uint32  // oids in pg_proc
	operators   []uint32  // oids in pg_operator, of user-defined operators
	types       []typeUse // types that pg_type.dat does not have
	columns     []columnUse
	results     map[uint32]bool // user-defined types of expressions
	settings    settings
	refusals    []Refusal
	locksRows   bool
	constants   bool   // a date or time was written as a constant
	takesTime   bool   // a parameter is read as a date or time
	notRead     bool   // it contains commands other than SELECT
	unknownNode string // kind of a node that this package does not know

	inFrom *node // the call in FROM whose columns were recorded with it
}

// A read names a relation whose rows are read.
type read struct {
	relation uint32
	only     bool // without the tables that inherit from it
}

// A write names a relation and the events on it.
type write struct {
	relation uint32
	event    event
}

// A columnUse names a column that is read. Number 0 is the whole row.
type columnUse struct {
	relation uint32
	number   int
}

// An event is a set of ways to change a relation, with the bits of
// pg_trigger.tgtype.
type event uint8

const (
	onInsert   event = 1 << 2
	onDelete   event = 1 << 3
	onUpdate   event = 1 << 4
	onTruncate event = 1 << 5

	byCopy event = 1 << 7 // COPY ignores rules
)

// Values of the enums CmdType and RTEKind.
const (
	commandSelect = 1
	commandUpdate = 2
	commandInsert = 3
	commandDelete = 4
	commandMerge  = 5

	entryRelation = 0
)

// firstNormalOID is the first oid of objects made after initdb.
const firstNormalOID = 16384

// collect walks through a tree.
func collect(v value) *references {
	r := &references{results: map[uint32]bool{}}
	r.value(v)
	return r
}

// collectStatement walks through the tree of a statement with parameters of
// the given types.
func collectStatement(v value, params []uint32) *references {
	r := &references{statement: true, results: map[uint32]bool{}}
	for _, typ := range params {
		r.use(paramStep, typ)
	}
	r.value(v)
	return r
}

func (r *references) value(v value) {
	if v.node != nil {
		r.node(v.node)
	}
	for _, item := range v.list {
		r.value(item)
	}
}

// node records the references of a node, then walks through its fields.
func (r *references) node(n *node) {
	if !knownNodes[n.kind] {
		if r.unknownNode == "" {
			r.unknownNode = n.kind
		}
		return
	}
	switch typ := exprType(n); {
	case typ >= firstNormalOID:
		r.results[typ] = true
	case n.kind != "CONST" && namesObjects[typ]:
		r.refuse(CatalogFunction, "the name of an object")
	}
	switch n.kind {
	case "QUERY":
		r.query(n)
	case "RANGETBLENTRY":
		if n.get("rtekind").number() == entryRelation {
			r.reads = append(r.reads, read{n.oid("relid"), n.get("inh").word == "false"})
		}
	case "SQLVALUEFUNCTION":
		r.valueFunction(n.get("op").number())
	case "COERCETODOMAIN":
		r.use(typeStep, n.oid("resulttype"))
	case "VAR":
		r.column(n)
	case "TABLESAMPLECLAUSE":
		r.refuse(VolatileFunction, "TABLESAMPLE")
	case "NEXTVALUEEXPR":
		r.refuse(VolatileFunction, "nextval")
	default:
		r.conversion(n)
	}
	for i := range n.fields {
		r.field(n, &n.fields[i])
	}
}

// conversion records nodes that convert values from or to their text form.
func (r *references) conversion(n *node) {
	switch n.kind {
	case "COERCEVIAIO":
		r.castByText(n)
	case "CONST":
		r.constant(n)
	case "RANGETBLFUNCTION":
		r.inFrom = n.get("funcexpr").node
		r.record(r.inFrom, n.get("funccoltypes").list)
	case "FUNCEXPR":
		if n != r.inFrom {
			r.record(n, nil)
		}
	case "TABLEFUNC":
		r.settings |= allInput
		r.columnsFromText(n.get("coltypes").list)
	case "JSONRETURNING":
		r.use(inputStep, n.oid("typid"))
	case "JSONEXPR", "JSONCONSTRUCTOREXPR", "XMLEXPR":
		r.settings |= allInput
	}
}

// systemColumns are the names of columns by their number, from -1 down.
var systemColumns = [...]string{"", "ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"}

// column records a system column. tableoid is constant.
func (r *references) column(n *node) {
	switch number := -n.get("varattno").number(); {
	case number <= 0 || number == 6:
	case number < len(systemColumns):
		r.refuse(SystemColumn, systemColumns[number])
	default:
		r.refuse(SystemColumn, "an unknown one")
	}
	if n.get("varattno").number() == 0 { // a whole row
		r.use(outputStep, n.oid("vartype"))
	}
}

// field records the functions, operators and columns that a field names, in any
// kind of node, then walks on.
func (r *references) field(n *node, f *field) {
	switch f.name {
	case "funcid", "opfuncid", "aggfnoid", "winfnoid", "tsmhandler", "startInRangeFunc", "endInRangeFunc":
		if oid := f.value.oid(); oid != 0 {
			r.functions = append(r.functions, oid)
		}
	case "opno", "eqop", "sortop", "cycle_mark_neop":
		r.operators = appendUserMade(r.operators, f.value.oid())
	case "opnos":
		for _, item := range f.value.list {
			r.operators = appendUserMade(r.operators, item.oid())
		}
	case "selectedCols":
		r.selected(n.oid("relid"), f.value.list)
	case "rowMarks":
		r.locksRows = r.locksRows || len(f.value.list) > 0
	default:
		r.value(f.value)
	}
}

func appendUserMade(list []uint32, oid uint32) []uint32 {
	if oid >= firstNormalOID {
		list = append(list, oid)
	}
	return list
}

// selected records the columns of a bit set. Its numbers are those of the table
// plus 7 (FirstLowInvalidHeapAttributeNumber), to leave room for the system
// columns.
func (r *references) selected(relation uint32, bits []value) {
	for i, bit := range bits {
		if i == 0 { // the letter b
			continue
		}
		if number := bit.number() - 7; number >= 0 {
			r.columns = append(r.columns, columnUse{relation, number})
		}
	}
}

// query records what a query changes.
func (r *references) query(q *node) {
	command := q.get("commandType").number()
	if command == commandSelect {
		return
	}
	r.notRead = true
	entries := q.get("rtable").list
	i := q.get("resultRelation").number() - 1
	if i < 0 || i >= len(entries) || entries[i].node == nil {
		return // a utility statement in a rule, NOTIFY
	}
	target := write{relation: entries[i].node.oid("relid")}
	switch command {
	case commandInsert:
		target.event = onInsert
		if conflict := q.get("onConflict").node; conflict != nil {
			target.event |= onUpdate
		}
	case commandUpdate:
		target.event = onUpdate
	case commandDelete:
		target.event = onDelete
	default:
		target.event = onInsert | onUpdate | onDelete
	}
	r.writes = append(r.writes, target)
}

func (r *references) refuse(reason Reason, object string) {
	r.refusals = append(r.refusals, Refusal{reason, object})
}

// valueFunctions are the names of SQLValueFunctionOp. The first nine depend on
// the time.
var valueFunctions = [...]string{
	"current_date", "current_time", "current_time", "current_timestamp", "current_timestamp",
	"localtime", "localtime", "localtimestamp", "localtimestamp",
	"current_role", "current_user", "user", "session_user", "current_catalog", "current_schema",
}

// valueFunction records CURRENT_DATE, CURRENT_USER and the like.
func (r *references) valueFunction(op int) {
	switch {
	case op < 0 || op >= len(valueFunctions):
		r.refuse(VolatileFunction, "an unknown function")
	case op < 9:
		r.refuse(TimeFunction, valueFunctions[op])
		r.settings |= timeZone
	default:
		r.refuse(SessionFunction, valueFunctions[op])
	}
}

// knownNodes are the kinds of node in parsed statements of PostgreSQL 15 to 18
// whose references this package knows completely. Any other kind makes the
// effects unknown: CURRENTOFEXPR and all utility statements are left out on
// purpose.
var knownNodes = set(
	"QUERY", "RANGETBLENTRY", "RTEPERMISSIONINFO", "ALIAS", "FROMEXPR", "JOINEXPR", "RANGETBLREF",
	"RANGETBLFUNCTION", "TABLEFUNC", "TABLESAMPLECLAUSE", "WITHCHECKOPTION", "SORTGROUPCLAUSE",
	"GROUPINGSET", "WINDOWCLAUSE", "ROWMARKCLAUSE", "COMMONTABLEEXPR", "CTESEARCHCLAUSE",
	"CTECYCLECLAUSE", "SETOPERATIONSTMT", "ONCONFLICTEXPR", "MERGEACTION", "TARGETENTRY",
	"VAR", "CONST", "PARAM", "AGGREF", "GROUPINGFUNC", "WINDOWFUNC", "MERGESUPPORTFUNC",
	"SUBSCRIPTINGREF", "FUNCEXPR", "NAMEDARGEXPR", "OPEXPR", "DISTINCTEXPR", "NULLIFEXPR",
	"SCALARARRAYOPEXPR", "BOOLEXPR", "SUBLINK", "FIELDSELECT", "FIELDSTORE", "RELABELTYPE",
	"COERCEVIAIO", "ARRAYCOERCEEXPR", "CONVERTROWTYPEEXPR", "COLLATEEXPR", "CASEEXPR", "CASEWHEN",
	"CASETESTEXPR", "ARRAYEXPR", "ROWEXPR", "ROWCOMPAREEXPR", "COALESCEEXPR", "MINMAXEXPR",
	"SQLVALUEFUNCTION", "XMLEXPR", "JSONFORMAT", "JSONRETURNING", "JSONVALUEEXPR",
	"JSONCONSTRUCTOREXPR", "JSONISPREDICATE", "JSONBEHAVIOR", "JSONEXPR", "JSONTABLEPATH",
	"JSONTABLEPATHSCAN", "JSONTABLESIBLINGJOIN", "NULLTEST", "BOOLEANTEST", "COERCETODOMAIN",
	"COERCETODOMAINVALUE", "SETTODEFAULT", "NEXTVALUEEXPR", "INFERENCEELEM", "RETURNINGEXPR",
	"NOTIFYSTMT",
)

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, name := range names {
		m[name] = true
	}
	return m
}
