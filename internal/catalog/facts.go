package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// relationFacts is what the catalogs say of a relation that is read.
type relationFacts struct {
	Relation
	security bool // row security policies are in force
	children []uint32
	rules    []rule
	trees    []string // of its policies
}

// A rule is a row of pg_rewrite. The one of type '1' is a view's query.
type rule struct {
	event   byte // '1' select, '2' update, '3' insert, '4' delete
	instead bool // and without condition: what was asked for is not done
	trees   []string
}

// writeFacts is what the catalogs say beyond that of a relation that is
// written to.
type writeFacts struct {
	parents  []uint32
	triggers []trigger
	keys     []foreignKey
	trees    []string // defaults, checks, index expressions, partition keys
}

type trigger struct {
	event    event
	function uint32
}

// A foreignKey of another table leads to the relation.
type foreignKey struct {
	from               uint32
	onDelete, onUpdate byte // pg_constraint.confdeltype, confupdtype
}

// Each of the queries below returns rows of one form: a tag, the oid of the
// object asked for, and what the tag says they are.

const relationQuery = `
SELECT 'relation', c.oid, n.nspname::text, c.relname::text, c.relkind::text || c.relpersistence::text, c.relrowsecurity::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY ($1::oid[])
UNION ALL
SELECT 'child', inhparent, inhrelid::text, NULL, NULL, NULL
FROM pg_inherits
WHERE inhparent = ANY ($1::oid[])
UNION ALL
SELECT 'rule', ev_class, ev_type::text, (is_instead AND ev_qual::text = '<>')::text, ev_action::text, ev_qual::text
FROM pg_rewrite
WHERE ev_class = ANY ($1::oid[]) AND ev_class >= 16384 AND ev_enabled <> 'D'
UNION ALL
SELECT 'policy', polrelid, polqual::text, polwithcheck::text, NULL, NULL
FROM pg_policy
WHERE polrelid = ANY ($1::oid[])`

// loadRelations fills known with the facts of the relations.
func loadRelations(ctx context.Context, conn *pgconn.PgConn, oids []uint32, known map[uint32]*relationFacts) error {
	rows, err := query(ctx, conn, relationQuery, oidArray(oids))
	if err != nil {
		return fmt.Errorf("look up relations: %w", err)
	}
	for _, oid := range oids {
		known[oid] = &relationFacts{}
	}
	for _, row := range rows {
		oid, err := parseOID(row[1])
		if err != nil {
			return err
		}
		if err := known[oid].add(oid, row); err != nil {
			return err
		}
	}
	return nil
}

func (f *relationFacts) add(oid uint32, row [][]byte) error {
	switch string(row[0]) {
	case "relation":
		f.Relation = Relation{oid, string(row[2]), string(row[3]), Kind(row[4][0]), Persistence(row[4][1])}
		f.security = string(row[5]) == "true"
	case "child":
		child, err := parseOID(row[2])
		if err != nil {
			return err
		}
		f.children = append(f.children, child)
	case "rule":
		f.rules = append(f.rules, rule{row[2][0], string(row[3]) == "true", []string{string(row[4]), string(row[5])}})
	case "policy":
		f.trees = append(f.trees, string(row[2]), string(row[3]))
	}
	return nil
}

// Internal triggers are left out: those of foreign keys do what the keys'
// actions say, which are followed, and those of deferred unique keys write
// nothing.
const writeQuery = `
SELECT 'parent', inhrelid, inhparent::text, NULL, NULL
FROM pg_inherits
WHERE inhrelid = ANY ($1::oid[])
UNION ALL
SELECT 'trigger', tgrelid, tgtype::text, tgfoid::oid::text, NULL
FROM pg_trigger
WHERE tgrelid = ANY ($1::oid[]) AND NOT tgisinternal AND tgenabled <> 'D'
UNION ALL
SELECT 'key', confrelid, conrelid::text, confdeltype::text, confupdtype::text
FROM pg_constraint
WHERE contype = 'f' AND confrelid = ANY ($1::oid[])
UNION ALL
SELECT 'tree', adrelid, adbin::text, NULL, NULL
FROM pg_attrdef
WHERE adrelid = ANY ($1::oid[])
UNION ALL
SELECT 'tree', a.attrelid, t.typdefaultbin::text, NULL, NULL
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND t.typdefaultbin IS NOT NULL
UNION ALL
SELECT 'tree', conrelid, conbin::text, NULL, NULL
FROM pg_constraint
WHERE contype = 'c' AND conrelid = ANY ($1::oid[])
UNION ALL
SELECT 'tree', indrelid, indexprs::text, indpred::text, NULL
FROM pg_index
WHERE indrelid = ANY ($1::oid[]) AND (indexprs IS NOT NULL OR indpred IS NOT NULL)
UNION ALL
SELECT 'tree', partrelid, partexprs::text, NULL, NULL
FROM pg_partitioned_table
WHERE partrelid = ANY ($1::oid[]) AND partexprs IS NOT NULL`

// loadWrites fills known with the facts of relations that are written to.
func loadWrites(ctx context.Context, conn *pgconn.PgConn, oids []uint32, known map[uint32]*writeFacts) error {
	rows, err := query(ctx, conn, writeQuery, oidArray(oids))
	if err != nil {
		return fmt.Errorf("look up triggers and foreign keys: %w", err)
	}
	for _, oid := range oids {
		known[oid] = &writeFacts{}
	}
	for _, row := range rows {
		oid, err := parseOID(row[1])
		if err != nil {
			return err
		}
		if err := known[oid].add(row); err != nil {
			return err
		}
	}
	return nil
}

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
