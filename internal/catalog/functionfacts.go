package catalog

// functionFacts describes a function, as the catalogs do.
type functionFacts struct {
	schema, name string
	arguments    string // "text, timestamp with time zone"
	language     string
	volatility   byte     // i, s, v
	trees        []string // of a body in SQL-standard form, and of the arguments' defaults
	parsed       bool     // trees has the body
	body         string   // of a function in SQL or PL/pgSQL whose body is a string
	parameters   string   // of a function in SQL whose body is a string, in the syntax of CREATE FUNCTION
	path         string   // search path that the function sets
	strings      bool     // it sets standard_conforming_strings
	role         bool     // it sets the role
	definer      bool     // it runs as its owner
	types        []uint32 // of its arguments and result, except those of pg_type.dat
	extension    string   // extension that it belongs to
	support      []uint32 // an aggregate's functions
}

func (f *functionFacts) String() string {
	name := quoteName(f.name) + "(" + f.arguments + ")"
	if f.schema == "pg_catalog" {
		return name
	}
	return quoteName(f.schema) + "." + name
}

// typeFacts describes a type, as the catalogs do.
type typeFacts struct {
	kind      byte     // pg_type.typtype
	array     bool     // parts holds its element type
	parts     []uint32 // component types of a domain, array, range or composite
	trees     []string // of a domain's constraints
	extension string   // extension that it belongs to
}

const functionQuery = `
SELECT 'function', p.oid, n.nspname::text, p.proname::text, oidvectortypes(p.proargtypes), l.lanname::text, p.provolatile::text,
	p.prosqlbody::text, p.proargdefaults::text, CASE WHEN l.lanname IN ('sql', 'plpgsql') AND p.prokind <> 'a' THEN p.prosrc END,
	(SELECT substr(c, 13) FROM unnest(p.proconfig) c WHERE c LIKE 'search\_path=%'),
	CASE WHEN p.oid >= 16384 THEN (
		SELECT e.extname::text FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
		WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' LIMIT 1) END,
	CASE WHEN l.lanname = 'sql' AND p.prosqlbody IS NULL THEN (
		SELECT string_agg(concat_ws(' ', quote_ident(nullif(p.proargnames[a.i], '')), format_type(a.type, NULL)), ', ' ORDER BY a.i)
		FROM unnest(COALESCE(p.proallargtypes, p.proargtypes::oid[])) WITH ORDINALITY a (type, i)
		WHERE COALESCE(p.proargmodes[a.i], 'i') IN ('i', 'b', 'v')) END,
	EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'standard\_conforming\_strings=%')::text,
	EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'role=%' OR c LIKE 'session\_authorization=%')::text, p.prosecdef::text
FROM unnest($1::oid[]) q (oid)
	CROSS JOIN LATERAL (SELECT * FROM pg_proc p WHERE p.oid = q.oid OFFSET 0) p
	JOIN pg_namespace n ON n.oid = p.pronamespace
	JOIN pg_language l ON l.oid = p.prolang
UNION ALL
SELECT 'support', a.aggfnoid, s.oid::text, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest($1::oid[]) q (oid)
	CROSS JOIN LATERAL (SELECT * FROM pg_aggregate WHERE aggfnoid = q.oid OFFSET 0) a
	CROSS JOIN LATERAL unnest(ARRAY[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn,
		aggmtransfn, aggminvtransfn, aggmfinalfn]::oid[]) s (oid)
WHERE a.aggfnoid >= 16384 AND s.oid <> 0
UNION ALL
SELECT 'operator', q.oid, oprcode::oid::text, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest($2::oid[]) q (oid) CROSS JOIN LATERAL (SELECT oprcode FROM pg_operator o WHERE o.oid = q.oid OFFSET 0) o
UNION ALL
SELECT 'signature', q.oid, t.oid::text, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest($1::oid[]) q (oid)
	CROSS JOIN LATERAL (SELECT * FROM pg_proc p WHERE p.oid = q.oid OFFSET 0) p
	CROSS JOIN LATERAL unnest(p.prorettype || p.proargtypes::oid[] || p.proallargtypes) t (oid)
WHERE q.oid >= 16384 AND t.oid >= 10000
UNION ALL
SELECT 'type', q.oid, NULL, t.typtype::text, (t.typelem <> 0 AND t.typlen = -1)::text,
	CASE WHEN q.oid >= 16384 THEN (
		SELECT e.extname::text FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
		WHERE d.classid = 'pg_type'::regclass AND d.objid = q.oid AND d.deptype = 'e' LIMIT 1) END, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest($3::oid[]) q (oid) CROSS JOIN LATERAL (SELECT * FROM pg_type t WHERE t.oid = q.oid OFFSET 0) t
UNION ALL
SELECT 'whole', q.oid, part.oid::text, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest($3::oid[]) q (oid)
	CROSS JOIN LATERAL (SELECT * FROM pg_type t WHERE t.oid = q.oid OFFSET 0) t
	CROSS JOIN LATERAL (
		SELECT t.typbasetype WHERE t.typbasetype <> 0
		UNION SELECT t.typelem WHERE t.typelem <> 0 AND t.typlen = -1
		UNION SELECT atttypid FROM pg_attribute WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped
		UNION SELECT rngsubtype FROM pg_range WHERE rngtypid = t.oid
		UNION SELECT rngtypid FROM pg_range WHERE rngmultitypid = t.oid) part (oid)
UNION ALL
SELECT 'check', q.oid, conbin::text, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest($3::oid[]) q (oid) CROSS JOIN LATERAL (SELECT * FROM pg_constraint WHERE contypid = q.oid OFFSET 0) c
WHERE contype = 'c'
UNION ALL
SELECT 'cast', castfunc, castfunc::text, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM pg_cast
WHERE oid >= 16384 AND casttarget = 'json'::regtype AND castfunc >= 16384
ORDER BY 1, 2`

// routines caches functions, operators and types.
type routines struct {
	functions map[uint32]*functionFacts
	operators map[uint32]uint32 // their functions
	types     map[uint32]*typeFacts
	jsonCasts []uint32 // functions of user-defined casts to json
}

// take processes the rows of functionQuery.
func (r *routines) take(functions, operators, types []uint32, rows [][][]byte) error {
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
			body: string(row[9]), path: string(row[10]), extension: string(row[11]), parameters: string(row[12]),
			strings: string(row[13]) == "true", role: string(row[14]) == "true", definer: string(row[15]) == "true",
		}
		return nil
	case "type":
		f := r.types[oid]
		f.kind, f.array, f.extension = row[3][0], string(row[4]) == "true", string(row[5])
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
	case "signature":
		if f := r.functions[oid]; f != nil {
			f.types = append(f.types, other)
		}
	case "whole":
		r.types[oid].parts = append(r.types[oid].parts, other)
	case "cast":
		r.jsonCasts = append(r.jsonCasts, other)
	}
	return nil
}
