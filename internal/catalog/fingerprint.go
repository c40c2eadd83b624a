package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// fingerprintQuery returns a hash for each requested object and name: the
// relations $1, functions $2, types $3 and names $4, and one for everything
// that always counts. Its cost depends on these and not on the size of the
// catalogs: each subquery reads one object by an index.
//
// A hash covers the transactions that wrote the catalog rows: a row that is
// inserted, deleted or updated changes it. Freezing does not change xmin as it
// is shown. Rows of pg_class are compared by content, since TRUNCATE and VACUUM
// FULL rewrite them. Temporary objects do not count, unless they were requested
// themselves.
//
// A foreign key that references a relation is visible in the triggers of that
// relation.
var fingerprintQuery = exact(`
SELECT 'relation', q.oid::pg_catalog.text, ` + hash(`
	(SELECT ROW(c.relname, c.relnamespace, c.relowner, c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
			c.relacl, c.reloptions, s.xmin)::pg_catalog.text
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace WHERE c.oid = q.oid),
	`+each("a.attnum, a.xmin", "pg_attribute a WHERE a.attrelid = q.oid")+`,
	`+each("d.oid, d.xmin", "pg_attrdef d WHERE d.adrelid = q.oid")+`,
	`+each("i.indexrelid, i.xmin", "pg_index i WHERE i.indrelid = q.oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)")+`,
	`+each("i.inhrelid, i.xmin", "pg_inherits i WHERE i.inhparent = q.oid")+`,
	`+each("i.inhparent, i.xmin", "pg_inherits i WHERE i.inhrelid = q.oid")+`,
	`+each("r.oid, r.xmin", "pg_rewrite r WHERE r.ev_class = q.oid")+`,
	`+each("p.oid, p.xmin", "pg_policy p WHERE p.polrelid = q.oid")+`,
	`+each("t.oid, t.xmin", "pg_trigger t WHERE t.tgrelid = q.oid")+`,
	`+each("c.oid, c.xmin", "pg_constraint c WHERE c.conrelid = q.oid")) + `
FROM pg_catalog.unnest($1::pg_catalog.oid[]) q (oid)
UNION ALL
SELECT 'function', q.oid::pg_catalog.text, ` + hash(each("f.oid, f.xmin", "pg_proc f WHERE f.oid = q.oid")) + `
FROM pg_catalog.unnest($2::pg_catalog.oid[]) q (oid)
UNION ALL
SELECT 'type', q.oid::pg_catalog.text, (
	WITH RECURSIVE used (oid) AS (
		SELECT q.oid
		UNION
		SELECT p.oid
		FROM used u CROSS JOIN LATERAL (
			SELECT pg_catalog.unnest(ARRAY[t.typelem, t.typbasetype]) FROM pg_catalog.pg_type t WHERE t.oid = u.oid
			UNION ALL
			SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = u.oid
			UNION ALL
			SELECT a.atttypid
			FROM pg_catalog.pg_type t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid
			WHERE t.oid = u.oid AND t.typrelid <> 0::pg_catalog.oid
			OFFSET 0) p (oid)
		WHERE p.oid >= 16384)
	SELECT pg_catalog.bit_xor(` + hash(`u.oid,
		`+each("t.xmin", "pg_type t WHERE t.oid = u.oid")+`,
		`+each("e.oid, e.xmin", "pg_enum e WHERE e.enumtypid = u.oid")+`,
		`+each("c.oid, c.xmin", "pg_constraint c WHERE c.contypid = u.oid")+`,
		`+each("a.attnum, a.xmin", "pg_attribute a WHERE a.attrelid = (SELECT t.typrelid FROM pg_catalog.pg_type t WHERE t.oid = u.oid)")) + `)
	FROM used u)
FROM pg_catalog.unnest($3::pg_catalog.oid[]) q (oid)
UNION ALL
SELECT 'name', q.name, ` + hash(
	each("c.oid, c.relkind, s.oid, s.xmin", `pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
		WHERE c.relname = q.name::pg_catalog.name AND s.nspname NOT LIKE 'pg\_temp\_%'`)+`,
	`+each("f.oid, f.xmin, s.xmin", `pg_proc f JOIN pg_catalog.pg_namespace s ON s.oid = f.pronamespace
		WHERE f.proname = q.name::pg_catalog.name AND s.nspname NOT LIKE 'pg\_temp\_%'`)+`,
	`+each("t.oid, t.xmin, s.xmin", `pg_type t JOIN pg_catalog.pg_namespace s ON s.oid = t.typnamespace
		WHERE t.typname = q.name::pg_catalog.name AND t.typrelid = 0::pg_catalog.oid AND s.nspname NOT LIKE 'pg\_temp\_%'`)) + `
FROM pg_catalog.unnest($4::pg_catalog.text[]) q (name)
UNION ALL
SELECT 'always', '', ` + hash(
	each("o.oid, o.xmin", "pg_operator o WHERE o.oid >= 16384")+`,
	`+each("c.oid, c.xmin", "pg_cast c WHERE c.oid >= 16384")+`,
	`+each("o.oid, o.xmin", "pg_opclass o WHERE o.oid >= 16384")+`,
	`+each("c.oid, c.xmin", "pg_collation c WHERE c.oid >= 16384")+`,
	`+each("c.oid, c.xmin", "pg_ts_config c WHERE c.oid >= 16384")+`,
	`+each("a.oid, a.xmin", "pg_amop a WHERE a.amopopr >= 16384")+`,
	`+each("c.oid, c.xmin", "pg_constraint c WHERE c.contypid >= 16384 AND c.contypid <= 4294967295")) + `
UNION ALL
SELECT 'event triggers', '', ` + hash(each("t.oid, t.xmin", "pg_event_trigger t")))

// hash is the hash of some values.
func hash(values string) string {
	return "pg_catalog.hashtextextended(ROW(" + values + ")::pg_catalog.text, 0)"
}

// each is a hash over all rows of a catalog that meet a condition.
func each(values, from string) string {
	return "(SELECT pg_catalog.bit_xor(" + hash(values) + ") FROM pg_catalog." + from + ")"
}

// fingerprintRequest asks for the hashes of all that is in sets of
// dependencies.
func fingerprintRequest(sets []Dependencies) *request {
	relations, functions, types, names := map[uint32]bool{}, map[uint32]bool{}, map[uint32]bool{}, map[string]bool{}
	for _, d := range sets {
		include(relations, d.Relations)
		include(functions, d.Functions)
		include(types, d.Types)
		include(names, d.Names)
	}
	return &request{sql: fingerprintQuery, args: []string{
		oidArray(sorted(relations)), oidArray(sorted(functions)), oidArray(sorted(types)), textArray(slices.Sorted(maps.Keys(names)))}}
}

func include[T comparable](set map[T]bool, list []T) {
	for _, member := range list {
		set[member] = true
	}
}

// fingerprints maps objects and names to their hashes.
type fingerprints map[fingerprintKey]int64

type fingerprintKey struct{ kind, object string }

func readFingerprints(rows [][][]byte) (fingerprints, error) {
	p := make(fingerprints, len(rows))
	for _, row := range rows {
		if row[2] == nil {
			continue // the type does not exist
		}
		hash, err := strconv.ParseInt(string(row[2]), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read the version of a catalog row: %w", err)
		}
		p[fingerprintKey{string(row[0]), string(row[1])}] = hash
	}
	return p, nil
}

// of returns the sum of the hashes of d.
func (p fingerprints) of(d Dependencies) int64 {
	if d.none() {
		return 0
	}
	sum := p[fingerprintKey{"always", ""}]
	add := func(kind string, oids []uint32) {
		for _, oid := range oids {
			sum += p[fingerprintKey{kind, strconv.FormatUint(uint64(oid), 10)}]
		}
	}
	add("relation", d.Relations)
	add("function", d.Functions)
	add("type", d.Types)
	for _, name := range d.Names {
		sum += p[fingerprintKey{"name", name}]
	}
	if d.EventTriggers {
		sum += p[fingerprintKey{"event triggers", ""}]
	}
	return sum
}

// Fingerprint returns a number that changes when a definition changes that d
// names: a relation's columns, the query of a view, policies, triggers, rules,
// partitions, foreign keys, a function's body, a type, or an object of the same
// name that may take its place. It may run inside a transaction and needs no
// special privileges.
func Fingerprint(ctx context.Context, conn *pgx.Conn, d Dependencies) (int64, error) {
	versions, err := Fingerprints(ctx, conn, []Dependencies{d})
	if err != nil {
		return 0, err
	}
	return versions[0], nil
}

// withoutJIT disables JIT for the current transaction, or for the statements up
// to the next sync of the protocol. The server overestimates the cost of the
// query by far, and compiling it may take seconds.
const withoutJIT = "SELECT pg_catalog.set_config('jit', 'off', true)"

// Fingerprints returns the [Fingerprint] of each set of dependencies, all from
// one snapshot and in one network round trip.
func Fingerprints(ctx context.Context, conn *pgx.Conn, of []Dependencies) ([]int64, error) {
	r := fingerprintRequest(of)
	u := newUnit(&request{sql: withoutJIT}, r)
	err := exchange(ctx, conn.PgConn(), u)
	if err == nil {
		err = u.err
	}
	if err != nil {
		return nil, fmt.Errorf("read the versions of catalog rows: %w", err)
	}
	p, err := readFingerprints(r.rows)
	if err != nil {
		return nil, err
	}
	versions := make([]int64, len(of))
	for i, d := range of {
		versions[i] = p.of(d)
	}
	return versions, nil
}
