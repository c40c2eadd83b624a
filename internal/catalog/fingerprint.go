package catalog

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// fingerprintQuery adds up a hash of each catalog row that defines one of the
// relations ($1) or functions ($2), by the transaction that wrote it. A row
// that comes, goes or is written anew changes the sum. Rows of the same name
// count as well, since a table that is made in a schema further up the search
// path takes the place of the one that was read; temporary tables do not.
//
// Freezing does not change xmin as it is shown. Rows of pg_class are compared
// by content, as TRUNCATE and VACUUM FULL write them anew.
var fingerprintQuery = exact(`
SELECT pg_catalog.mod(COALESCE(pg_catalog.sum(
	pg_catalog.hashtextextended(pg_catalog.concat_ws(' ', kind, id, version), 0)), 0), 9223372036854775783)::int8
FROM (
	SELECT 'class' AS kind, c.oid::text AS id, pg_catalog.concat_ws(' ', c.relname, c.relnamespace, c.relowner,
		c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.relacl, c.reloptions) AS version
	FROM pg_catalog.pg_class n
		JOIN pg_catalog.pg_class c ON c.relname = n.relname
		JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
	WHERE n.oid = ANY ($1::pg_catalog.oid[]) AND s.nspname NOT LIKE 'pg\_temp\_%'
	UNION ALL
	SELECT 'attribute', a.attrelid || '.' || a.attnum, a.xmin::text
	FROM pg_catalog.pg_attribute a WHERE a.attrelid = ANY ($1::pg_catalog.oid[])
	UNION ALL
	SELECT 'default', d.oid::text, d.xmin::text
	FROM pg_catalog.pg_attrdef d WHERE d.adrelid = ANY ($1::pg_catalog.oid[])
	UNION ALL
	SELECT 'index', i.indexrelid::text, i.xmin::text
	FROM pg_catalog.pg_index i
	WHERE i.indrelid = ANY ($1::pg_catalog.oid[]) AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
	UNION ALL
	SELECT 'inherits', i.inhrelid || ' ' || i.inhparent, i.xmin::text
	FROM pg_catalog.pg_inherits i
	WHERE i.inhparent = ANY ($1::pg_catalog.oid[]) OR i.inhrelid = ANY ($1::pg_catalog.oid[])
	UNION ALL
	SELECT 'rule', r.oid::text, r.xmin::text
	FROM pg_catalog.pg_rewrite r WHERE r.ev_class = ANY ($1::pg_catalog.oid[])
	UNION ALL
	SELECT 'policy', p.oid::text, p.xmin::text
	FROM pg_catalog.pg_policy p WHERE p.polrelid = ANY ($1::pg_catalog.oid[])
	UNION ALL
	SELECT 'trigger', t.oid::text, t.xmin::text
	FROM pg_catalog.pg_trigger t WHERE t.tgrelid = ANY ($1::pg_catalog.oid[])
	UNION ALL
	SELECT 'constraint', c.oid::text, c.xmin::text
	FROM pg_catalog.pg_constraint c
	WHERE c.conrelid = ANY ($1::pg_catalog.oid[]) OR c.confrelid = ANY ($1::pg_catalog.oid[])
	UNION ALL
	SELECT 'schema', s.oid::text, s.xmin::text
	FROM pg_catalog.pg_namespace s
	WHERE s.oid = ANY (SELECT c.relnamespace FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1::pg_catalog.oid[]))
	UNION ALL
	SELECT 'type', t.oid::text, t.xmin::text || ' ' || COALESCE(e.version, '')
	FROM pg_catalog.pg_type t
		LEFT JOIN LATERAL (
			SELECT pg_catalog.string_agg(e.xmin::text, ' ' ORDER BY e.oid) AS version
			FROM pg_catalog.pg_enum e WHERE e.enumtypid = ANY (ARRAY[t.oid, t.typelem, t.typbasetype])
		) e ON true
	WHERE t.oid = ANY (
		SELECT a.atttypid FROM pg_catalog.pg_attribute a
		WHERE a.attrelid = ANY ($1::pg_catalog.oid[]) AND a.atttypid >= 16384)
	UNION ALL
	SELECT 'function', f.oid::text, f.xmin::text
	FROM pg_catalog.pg_proc n JOIN pg_catalog.pg_proc f ON f.proname = n.proname
	WHERE n.oid = ANY ($2::pg_catalog.oid[])
) AS row`)

// Fingerprint returns a number that changes when the definition of one of the
// objects does: its columns, the query of a view, policies, triggers, rules,
// partitions, foreign keys, a function's body, or an object of the same name
// that may take its place. It may run inside a transaction and needs no rights
// beyond those that everybody has.
func Fingerprint(ctx context.Context, conn *pgx.Conn, d Dependencies) (int64, error) {
	return fingerprint(ctx, conn.PgConn(), d)
}

func fingerprint(ctx context.Context, conn *pgconn.PgConn, d Dependencies) (int64, error) {
	rows, err := query(ctx, conn, fingerprintQuery, oidArray(d.Relations), oidArray(d.Functions))
	if err != nil {
		return 0, fmt.Errorf("read the versions of catalog rows: %w", err)
	}
	return strconv.ParseInt(string(rows[0][0]), 10, 64)
}
