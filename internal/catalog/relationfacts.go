package catalog

// relationFacts describes a relation that is read, as the catalogs do.
type relationFacts struct {
	Relation
	security bool // row security policies are in force
	gin      bool // it has a GIN index, which a setting may limit to some of the rows
	children []uint32
	types    []uint32 // types of its columns, except those of pg_type.dat that are neither names of objects nor times with zone
	rules    []rule
	virtual  []string // trees of its virtual generated columns
	trees    []string // of its policies
}

// A rule is a row of pg_rewrite. The rule of event '1' is a view's query.
type rule struct {
	event   byte // '1' select, '2' update, '3' insert, '4' delete
	instead bool // and unconditional: it replaces the command
	trees   []string
}

// writeFacts describes what writing to a relation involves, as the catalogs do.
type writeFacts struct {
	parents  []uint32
	triggers []trigger
	keys     []foreignKey
	trees    []string // defaults, checks, index expressions, partition keys, conditions of triggers
}

type trigger struct {
	event    event
	function uint32
}

// A foreignKey is one of another table that references the relation.
type foreignKey struct {
	from               uint32
	onDelete, onUpdate byte // pg_constraint.confdeltype, confupdtype
}

// Each of the queries below returns rows of one form: a tag, the oid of the
// requested object, and columns that depend on the tag. OFFSET 0 makes the
// server look up each object by an index, however many there are, instead of
// reading a whole catalog.

const relationQuery = `
SELECT 'relation', c.oid, n.nspname::text, c.relname::text, c.relkind::text || c.relpersistence::text, c.relrowsecurity::text
FROM unnest($1::oid[]) q (oid)
	CROSS JOIN LATERAL (SELECT * FROM pg_class c WHERE c.oid = q.oid OFFSET 0) c
	JOIN pg_namespace n ON n.oid = c.relnamespace
UNION ALL
SELECT 'child', q.oid, inhrelid::text, NULL, NULL, NULL
FROM unnest($1::oid[]) q (oid) CROSS JOIN LATERAL (SELECT inhrelid FROM pg_inherits WHERE inhparent = q.oid OFFSET 0) i
UNION ALL
SELECT 'type', q.oid, atttypid::text, NULL, NULL, NULL
FROM unnest($1::oid[]) q (oid)
	CROSS JOIN LATERAL (SELECT DISTINCT atttypid FROM pg_attribute
		WHERE attrelid = q.oid AND attnum > 0
			AND (atttypid >= 10000 OR atttypid = ANY ('{24,2202,2203,2204,2205,2206,3734,3769,4089,4096,4191,1266,
				1008,2207,2208,2209,2210,2211,3735,3770,4090,4097,4192,1270}'))) a
UNION ALL
SELECT 'gin', q.oid, NULL, NULL, NULL, NULL
FROM unnest($1::oid[]) q (oid)
	CROSS JOIN LATERAL (SELECT indexrelid FROM pg_index i WHERE i.indrelid = q.oid OFFSET 0) i
	CROSS JOIN LATERAL (SELECT relam FROM pg_class x WHERE x.oid = i.indexrelid OFFSET 0) x
WHERE relam = 2742
UNION ALL
SELECT 'rule', q.oid, ev_type::text, (is_instead AND ev_qual::text = '<>')::text, ev_action::text, ev_qual::text
FROM unnest($1::oid[]) q (oid) CROSS JOIN LATERAL (SELECT * FROM pg_rewrite WHERE ev_class = q.oid OFFSET 0) r
WHERE ev_enabled <> 'D' AND (ev_class >= 16384 OR ev_type = '1')
UNION ALL
SELECT 'virtual', q.oid, adbin::text, NULL, NULL, NULL
FROM unnest($1::oid[]) q (oid)
	CROSS JOIN LATERAL (SELECT * FROM pg_attrdef WHERE adrelid = q.oid OFFSET 0) d
	CROSS JOIN LATERAL (SELECT attgenerated FROM pg_attribute a WHERE a.attrelid = d.adrelid AND a.attnum = d.adnum OFFSET 0) a
WHERE attgenerated = 'v'
UNION ALL
SELECT 'policy', q.oid, polqual::text, polwithcheck::text, NULL, NULL
FROM unnest($1::oid[]) q (oid) CROSS JOIN LATERAL (SELECT * FROM pg_policy WHERE polrelid = q.oid OFFSET 0) p`

func (f *relationFacts) add(row [][]byte) error {
	switch string(row[0]) {
	case "relation":
		oid, err := parseOID(row[1])
		f.Relation = Relation{oid, string(row[2]), string(row[3]), Kind(row[4][0]), Persistence(row[4][1])}
		f.security = string(row[5]) == "true"
		return err
	case "child", "type":
		oid, err := parseOID(row[2])
		if string(row[0]) == "type" {
			f.types = append(f.types, oid)
		} else {
			f.children = append(f.children, oid)
		}
		return err
	case "rule":
		f.rules = append(f.rules, rule{row[2][0], string(row[3]) == "true", []string{string(row[4]), string(row[5])}})
	case "gin":
		f.gin = true
	case "virtual":
		f.virtual = append(f.virtual, string(row[2]))
	case "policy":
		f.trees = append(f.trees, string(row[2]), string(row[3]))
	}
	return nil
}

// Internal triggers are left out: those of foreign keys do what the keys'
// actions say, which are followed, and those of deferred unique keys write
// nothing. The query finds keys by these triggers, since pg_constraint has no
// index on the referenced table.
const writeQuery = `
SELECT 'parent', q.oid, inhparent::text, NULL, NULL
FROM unnest($1::oid[]) q (oid) CROSS JOIN LATERAL (SELECT inhparent FROM pg_inherits WHERE inhrelid = q.oid OFFSET 0) i
UNION ALL
SELECT 'trigger', q.oid, tgtype::text, tgfoid::oid::text, NULL
FROM unnest($1::oid[]) q (oid) CROSS JOIN LATERAL (SELECT * FROM pg_trigger WHERE tgrelid = q.oid OFFSET 0) t
WHERE NOT tgisinternal AND tgenabled <> 'D'
UNION ALL
SELECT 'tree', q.oid, tgqual::text, NULL, NULL
FROM unnest($1::oid[]) q (oid) CROSS JOIN LATERAL (SELECT * FROM pg_trigger WHERE tgrelid = q.oid OFFSET 0) t
WHERE tgqual IS NOT NULL AND tgenabled <> 'D'
UNION ALL
SELECT 'key', q.oid, conrelid::text, confdeltype::text, confupdtype::text
FROM unnest($1::oid[]) q (oid)
	CROSS JOIN LATERAL (SELECT DISTINCT tgconstraint FROM pg_trigger WHERE tgrelid = q.oid AND tgconstraint <> 0) t
	CROSS JOIN LATERAL (SELECT * FROM pg_constraint c WHERE c.oid = t.tgconstraint OFFSET 0) c
WHERE contype = 'f' AND confrelid = q.oid
UNION ALL
SELECT 'tree', q.oid, adbin::text, NULL, NULL
FROM unnest($1::oid[]) q (oid) CROSS JOIN LATERAL (SELECT adbin FROM pg_attrdef WHERE adrelid = q.oid OFFSET 0) d
UNION ALL
SELECT 'tree', q.oid, typdefaultbin::text, NULL, NULL
FROM unnest($1::oid[]) q (oid)
	CROSS JOIN LATERAL (SELECT DISTINCT atttypid FROM pg_attribute a WHERE a.attrelid = q.oid AND a.attnum > 0 AND a.atttypid > 0) a
	CROSS JOIN LATERAL (SELECT typdefaultbin FROM pg_type t WHERE t.oid = a.atttypid OFFSET 0) t
WHERE typdefaultbin IS NOT NULL
UNION ALL
SELECT 'tree', q.oid, conbin::text, NULL, NULL
FROM unnest($1::oid[]) q (oid) CROSS JOIN LATERAL (SELECT * FROM pg_constraint WHERE conrelid = q.oid OFFSET 0) c
WHERE contype = 'c'
UNION ALL
SELECT 'tree', q.oid, indexprs::text, indpred::text, NULL
FROM unnest($1::oid[]) q (oid) CROSS JOIN LATERAL (SELECT * FROM pg_index WHERE indrelid = q.oid OFFSET 0) i
WHERE indexprs IS NOT NULL OR indpred IS NOT NULL
UNION ALL
SELECT 'tree', q.oid, partexprs::text, NULL, NULL
FROM unnest($1::oid[]) q (oid) CROSS JOIN LATERAL (SELECT * FROM pg_partitioned_table WHERE partrelid = q.oid OFFSET 0) p
WHERE partexprs IS NOT NULL`

func (f *writeFacts) add(row [][]byte) error {
	if string(row[0]) == "tree" {
		f.trees = append(f.trees, string(row[2]), string(row[3]))
		return nil
	}
	number, err := parseOID(row[2])
	if err != nil {
		return err
	}
	switch string(row[0]) {
	case "parent":
		f.parents = append(f.parents, number)
	case "trigger":
		function, err := parseOID(row[3])
		if err != nil {
			return err
		}
		f.triggers = append(f.triggers, trigger{event(number), function})
	case "key":
		f.keys = append(f.keys, foreignKey{number, row[3][0], row[4][0]})
	}
	return nil
}
