package catalog

import (
	"context"
	"strconv"
	"strings"
)

// nullFacts are the facts of the catalogs that decide whether columns may be
// NULL.
type nullFacts struct {
	relations map[uint32]*columnFacts
	strict    map[uint32]bool // functions that return NULL for any NULL, and one row
	ofNothing map[uint32]bool // aggregates that return NULL for no rows
	scopes    map[*node]*scope
	done      map[*node][]bool // columns of queries, nil while they are being examined
	empty     map[*node]bool   // whether queries may return no rows
}

func newNullFacts() *nullFacts {
	return &nullFacts{
		relations: map[uint32]*columnFacts{}, strict: map[uint32]bool{}, ofNothing: map[uint32]bool{},
		scopes: map[*node]*scope{}, done: map[*node][]bool{}, empty: map[*node]bool{},
	}
}

// columnFacts describes the columns of a relation.
type columnFacts struct {
	kind     byte // pg_class.relkind
	rules    bool // it has rules, or is a view
	inserted bool // triggers may change a row before it is inserted
	updated  bool // likewise for updates
	nullable string
	defaults string
	view     *node // the query of a view, nil if unknown
	checks   []*node
	keys     []keyTo
	forced   columnSet // columns that checks may keep from being NULL
}

// keyTo is a foreign key to another relation: the pairs of columns.
type keyTo struct {
	relation uint32
	columns  map[int]int
}

// The states of a column in columnFacts.nullable.
const columnNullable = 'm'

// mayBeNull reports whether the definition of a column allows NULL.
func (f *columnFacts) mayBeNull(number int) bool {
	return number >= 1 && number <= len(f.nullable) && f.nullable[number-1] == columnNullable && !f.forced.has(column{1, number})
}

// hasDefault reports whether a column that an INSERT omits gets a value.
func (f *columnFacts) hasDefault(number int) bool {
	return number < 1 || number > len(f.defaults) || f.defaults[number-1] != 'n'
}

// nullColumnsQuery describes relations, and those that they refer to as views.
// Columns with a state other than 'm' are never NULL, or nothing is known of
// them: generated columns, those of domains that rule NULL out, and those that a
// policy on rows refers to. Constraints that existing rows may break are left
// out: those that are not validated or not enforced, and deferrable keys.
const nullColumnsQuery = `
WITH RECURSIVE seen (oid) AS (
	SELECT q.oid FROM unnest($1::oid[]) q (oid)
	UNION
	SELECT d.refobjid FROM seen s
		JOIN pg_rewrite r ON r.ev_class = s.oid AND r.ev_type = '1'
		JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
), asked AS MATERIALIZED (SELECT DISTINCT oid FROM seen)
SELECT 'relation', c.oid::text, c.relkind::text,
	(c.relhasrules OR c.relkind IN ('v', 'm'))::text,
	EXISTS (SELECT FROM pg_trigger t WHERE t.tgtype & 7 = 7
		AND t.tgrelid IN (SELECT c.oid UNION ALL SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = c.oid))::text,
	EXISTS (SELECT FROM pg_trigger t WHERE t.tgtype & 19 = 19
		AND t.tgrelid IN (SELECT c.oid UNION ALL SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = c.oid))::text,
	(SELECT string_agg(CASE WHEN a.attisdropped OR a.attgenerated <> ''
		OR a.attnotnull AND NOT EXISTS (SELECT FROM pg_constraint k
			WHERE k.conrelid = c.oid AND k.contype = 'n' AND NOT k.convalidated AND a.attnum = ANY (k.conkey))
		OR t.typtype = 'd' AND (t.typnotnull
			OR EXISTS (SELECT FROM pg_constraint k WHERE k.contypid = t.oid AND pg_get_constraintdef(k.oid) ~* 'not null')
			OR EXISTS (SELECT FROM pg_type b WHERE b.oid = t.typbasetype AND b.typtype = 'd'))
		OR c.relrowsecurity AND EXISTS (SELECT FROM pg_depend d
			WHERE d.classid = 'pg_policy'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = a.attnum)
		THEN 'u' ELSE 'm' END, '' ORDER BY a.attnum)
		FROM pg_attribute a LEFT JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = c.oid AND a.attnum > 0),
	(SELECT string_agg(CASE WHEN a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL THEN 'd' ELSE 'n' END, '' ORDER BY a.attnum)
		FROM pg_attribute a LEFT JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = c.oid AND a.attnum > 0),
	(SELECT r.ev_action::text FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type = '1')
FROM asked q JOIN pg_class c ON c.oid = q.oid
UNION ALL
SELECT 'check', k.conrelid::text, k.conbin::text, NULL, NULL, NULL, NULL, NULL, NULL
FROM asked q JOIN pg_constraint k ON k.conrelid = q.oid AND k.contype = 'c' AND k.convalidated
UNION ALL
SELECT 'key', k.conrelid::text, k.confrelid::text, array_to_string(k.conkey, ' '), array_to_string(k.confkey, ' '), NULL, NULL, NULL, NULL
FROM asked q JOIN pg_constraint k ON k.conrelid = q.oid AND k.contype = 'f' AND k.convalidated AND NOT k.condeferrable`

// nullFunctionsQuery describes functions.
const nullFunctionsQuery = `
SELECT p.oid, (p.proisstrict AND NOT p.proretset)::text,
	(p.prokind = 'a' AND p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = ANY ('{sum,avg,min,max,array_agg,string_agg,
		bool_and,bool_or,every,json_agg,jsonb_agg,json_object_agg,jsonb_object_agg}'))::text
FROM unnest($1::oid[]) q (oid) JOIN pg_proc p ON p.oid = q.oid`

// lookUp reads the facts that the trees refer to, and ends the transaction.
func (n *nullness) lookUp(ctx context.Context, f *nullFacts) error {
	var named mentioned
	for _, tree := range n.trees {
		named.add(value{node: tree})
	}
	relations := &request{sql: nullColumnsQuery, args: []string{oidArray(sorted(named.relations))}}
	asked := newUnit(relations)
	if err := n.send(ctx, append(n.narrowPath(), asked)...); err != nil {
		return err
	}
	if asked.err != nil {
		return asked.err
	}
	for _, row := range relations.rows {
		if err := f.take(row); err != nil {
			return err
		}
	}
	for _, r := range f.relations {
		named.add(value{node: r.view})
		for _, check := range r.checks {
			named.add(value{node: check})
		}
	}
	functions := &request{sql: nullFunctionsQuery, args: []string{oidArray(sorted(named.functions))}}
	last := newUnit(functions, &request{sql: "ROLLBACK"})
	if err := n.send(ctx, last); err != nil {
		return err
	}
	if last.err != nil {
		return last.err
	}
	for _, row := range functions.rows {
		oid, err := parseOID(row[0])
		if err != nil {
			return err
		}
		f.strict[oid], f.ofNothing[oid] = string(row[1]) == "true", string(row[2]) == "true"
	}
	for _, r := range f.relations {
		for _, check := range r.checks {
			r.forced.add((&forcing{facts: f, check: true}).of(value{node: check}))
		}
	}
	return nil
}

// take processes a row of nullColumnsQuery. The row of a relation precedes
// those of its constraints.
func (f *nullFacts) take(row [][]byte) error {
	oid, err := parseOID(row[1])
	if err != nil {
		return err
	}
	switch r := f.relations[oid]; string(row[0]) {
	case "relation":
		f.relations[oid] = &columnFacts{
			kind: row[2][0], rules: string(row[3]) == "true", inserted: string(row[4]) == "true", updated: string(row[5]) == "true",
			nullable: string(row[6]), defaults: string(row[7]), view: knownQuery(string(row[8])), forced: columnSet{},
		}
	case "check":
		if v, err := parseTree(string(row[2])); err == nil && v.node != nil && r != nil {
			r.checks = append(r.checks, v.node)
		} else if r != nil {
			r.nullable = "" // nothing is known
		}
	case "key":
		to, err := parseOID(row[2])
		if err != nil {
			return err
		}
		from, target := strings.Fields(string(row[3])), strings.Fields(string(row[4]))
		key := keyTo{relation: to, columns: map[int]int{}}
		for i := range min(len(from), len(target)) {
			a, aErr := strconv.Atoi(from[i])
			b, bErr := strconv.Atoi(target[i])
			if aErr == nil && bErr == nil {
				key.columns[a] = b
			}
		}
		if r != nil {
			r.keys = append(r.keys, key)
		}
	}
	return nil
}

// mentioned collects the relations and functions that trees refer to.
type mentioned struct{ relations, functions map[uint32]bool }

func (m *mentioned) add(v value) {
	if m.relations == nil {
		m.relations, m.functions = map[uint32]bool{}, map[uint32]bool{}
	}
	for _, item := range v.list {
		m.add(item)
	}
	if v.node == nil {
		return
	}
	switch v.node.kind {
	case "RANGETBLENTRY":
		if oid := v.node.oid("relid"); oid != 0 {
			m.relations[oid] = true
		}
	case "FUNCEXPR":
		m.functions[v.node.oid("funcid")] = true
	case "AGGREF":
		m.functions[v.node.oid("aggfnoid")] = true
	case "OPEXPR", "SCALARARRAYOPEXPR":
		m.functions[v.node.oid("opfuncid")] = true
	}
	for i := range v.node.fields {
		m.add(v.node.fields[i].value)
	}
}
