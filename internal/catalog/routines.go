package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// functionFacts is what the catalogs say of a function.
type functionFacts struct {
	schema, name string
	arguments    string // "text, timestamp with time zone"
	language     string
	volatility   byte     // i, s, v
	trees        []string // of a body in SQL-standard form, and of the arguments' defaults
	parsed       bool     // trees has the body
	body         string   // of a function in SQL or PL/pgSQL that is a string
	path         string   // search path that the function sets
	extension    string   // that it belongs to
	support      []uint32 // an aggregate's functions
}

func (f *functionFacts) String() string {
	name := quoteName(f.name) + "(" + f.arguments + ")"
	if f.schema == "pg_catalog" {
		return name
	}
	return quoteName(f.schema) + "." + name
}

// typeFacts is what the catalogs say of a type.
type typeFacts struct {
	kind    byte     // pg_type.typtype
	base    uint32   // of a domain
	element uint32   // of an array
	trees   []string // of a domain's constraints
}

const functionQuery = `
SELECT 'function', p.oid, n.nspname::text, p.proname::text, oidvectortypes(p.proargtypes), l.lanname::text, p.provolatile::text,
	p.prosqlbody::text, p.proargdefaults::text, CASE WHEN l.lanname IN ('sql', 'plpgsql') AND p.prokind <> 'a' THEN p.prosrc END,
	(SELECT substr(c, 13) FROM unnest(p.proconfig) c WHERE c LIKE 'search\_path=%'), e.extname::text
FROM pg_proc p
	JOIN pg_namespace n ON n.oid = p.pronamespace
	JOIN pg_language l ON l.oid = p.prolang
	LEFT JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' AND p.oid >= 16384
	LEFT JOIN pg_extension e ON e.oid = d.refobjid
WHERE p.oid = ANY ($1::oid[])
UNION ALL
SELECT 'support', a.aggfnoid, s.oid::text, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM pg_aggregate a, LATERAL unnest(ARRAY[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn,
	aggmtransfn, aggminvtransfn, aggmfinalfn]::oid[]) s (oid)
WHERE a.aggfnoid = ANY ($1::oid[]) AND a.aggfnoid >= 16384 AND s.oid <> 0
UNION ALL
SELECT 'operator', oid, oprcode::oid::text, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM pg_operator
WHERE oid = ANY ($2::oid[])
UNION ALL
SELECT 'type', oid, typbasetype::text, typtype::text, typelem::text, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM pg_type
WHERE oid = ANY ($3::oid[])
UNION ALL
SELECT 'check', contypid, conbin::text, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM pg_constraint
WHERE contypid = ANY ($3::oid[]) AND contype = 'c'
UNION ALL
SELECT 'cast', castfunc, castfunc::text, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM pg_cast
WHERE casttarget = 'json'::regtype AND castfunc >= 16384
ORDER BY 1, 2`

// routines are the functions, operators and types that were looked up.
type routines struct {
	functions map[uint32]*functionFacts
	operators map[uint32]uint32 // their functions
	types     map[uint32]*typeFacts
	jsonCasts []uint32 // functions of casts to json that somebody made
}

// load looks up what is not known yet.
func (r *routines) load(ctx context.Context, conn *pgconn.PgConn, functions, operators, types []uint32) error {
	rows, err := query(ctx, conn, functionQuery, oidArray(functions), oidArray(operators), oidArray(types))
	if err != nil {
		return fmt.Errorf("look up functions: %w", err)
	}
	for _, oid := range functions {
		r.functions[oid] = nil
	}
	for _, oid := range operators {
		r.operators[oid] = 0
	}
	for _, oid := range types {
		r.types[oid] = &typeFacts{}
	}
	r.jsonCasts = r.jsonCasts[:0]
	for _, row := range rows {
		oid, err := parseOID(row[1])
		if err != nil {
			return err
		}
		if err := r.add(oid, row); err != nil {
			return err
		}
	}
	return nil
}

func (r *routines) add(oid uint32, row [][]byte) error {
	switch string(row[0]) {
	case "function":
		r.functions[oid] = &functionFacts{
			schema: string(row[2]), name: string(row[3]), arguments: string(row[4]), language: string(row[5]),
			volatility: row[6][0],
			trees:      []string{string(row[7]), string(row[8])}, parsed: row[7] != nil,
			body: string(row[9]), path: string(row[10]), extension: string(row[11]),
		}
		return nil
	case "check":
		r.types[oid].trees = append(r.types[oid].trees, string(row[2]))
		return nil
	}
	other, err := parseOID(row[2])
	if err != nil {
		return err
	}
	switch string(row[0]) {
	case "support":
		if f := r.functions[oid]; f != nil {
			f.support = append(f.support, other)
		}
	case "operator":
		r.operators[oid] = other
	case "type":
		f := r.types[oid]
		f.base, f.kind = other, row[3][0]
		f.element, err = parseOID(row[4])
		return err
	case "cast":
		r.jsonCasts = append(r.jsonCasts, other)
	}
	return nil
}
