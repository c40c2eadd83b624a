package catalog

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// madeToStay leaves out indexes, whose tables tell of them, and TOAST tables.
func madeToStay(class string) string {
	return class + ".oid >= 16384 AND " + class + ".relpersistence::text <> 't' AND " + class + ".relkind::text <> ALL ('{i,I,t}')"
}

// staying is the same for the relation of an oid.
func staying(oid string) string {
	return "EXISTS (SELECT FROM pg_catalog.pg_class k WHERE k.oid = " + oid + " AND " + madeToStay("k") + ")"
}

// printOfAll adds up a hash of each catalog row, by the
// transaction that wrote it. A row that comes, goes or is written anew changes
// the sum; what is temporary does not count.
//
// Freezing does not change xmin as it is shown. Rows of pg_class are compared
// by content, as TRUNCATE and VACUUM FULL write them anew.
var printOfAll = exact(`
SELECT pg_catalog.mod(COALESCE(pg_catalog.sum(
	pg_catalog.hashtextextended(pg_catalog.concat_ws(' ', kind, id, version), 0)), 0), 9223372036854775783)::int8
FROM (
	SELECT 'class' AS kind, c.oid::text AS id, pg_catalog.concat_ws(' ', c.relname, c.relnamespace, c.relowner,
		c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.relacl, c.reloptions) AS version
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
	WHERE ` + madeToStay("c") + `
	UNION ALL
	SELECT 'attribute', a.attrelid || '.' || a.attnum, a.xmin::text
	FROM pg_catalog.pg_attribute a WHERE ` + staying("a.attrelid") + `
	UNION ALL
	SELECT 'default', d.oid::text, d.xmin::text
	FROM pg_catalog.pg_attrdef d WHERE ` + staying("d.adrelid") + `
	UNION ALL
	SELECT 'index', i.indexrelid::text, i.xmin::text
	FROM pg_catalog.pg_index i
	WHERE ` + staying("i.indrelid") + ` AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
	UNION ALL
	SELECT 'inherits', i.inhrelid || ' ' || i.inhparent, i.xmin::text
	FROM pg_catalog.pg_inherits i
	WHERE ` + staying("i.inhparent") + ` OR ` + staying("i.inhrelid") + `
	UNION ALL
	SELECT 'rule', r.oid::text, r.xmin::text
	FROM pg_catalog.pg_rewrite r WHERE ` + staying("r.ev_class") + `
	UNION ALL
	SELECT 'policy', p.oid::text, p.xmin::text
	FROM pg_catalog.pg_policy p WHERE ` + staying("p.polrelid") + `
	UNION ALL
	SELECT 'trigger', t.oid::text, t.xmin::text
	FROM pg_catalog.pg_trigger t WHERE ` + staying("t.tgrelid") + `
	UNION ALL
	SELECT 'constraint', c.oid::text, c.xmin::text
	FROM pg_catalog.pg_constraint c
	WHERE ` + staying("c.conrelid") + ` OR ` + staying("c.confrelid") + `
	UNION ALL
	SELECT 'schema', s.oid::text, s.xmin::text
	FROM pg_catalog.pg_namespace s
	WHERE s.oid = ANY (ARRAY(SELECT c.relnamespace FROM pg_catalog.pg_class c WHERE ` + staying("c.oid") + `))
	UNION ALL
	SELECT 'type', t.oid::text, t.xmin::text || ' ' || COALESCE(e.version, '')
	FROM pg_catalog.pg_type t
		LEFT JOIN LATERAL (
			SELECT pg_catalog.string_agg(e.xmin::text, ' ' ORDER BY e.oid) AS version
			FROM pg_catalog.pg_enum e WHERE e.enumtypid = ANY (ARRAY[t.oid, t.typelem, t.typbasetype])
		) e ON true
	WHERE t.oid >= 16384 AND t.typtype::text = ANY ('{d,e}')
	UNION ALL
	SELECT 'function', f.oid::text, f.xmin::text
	FROM pg_catalog.pg_proc f WHERE f.oid >= 16384
	UNION ALL
	SELECT 'constraint', c.oid::text, c.xmin::text FROM pg_catalog.pg_constraint c WHERE c.contypid <> 0
	UNION ALL
	SELECT 'operator', o.oid::text, o.xmin::text FROM pg_catalog.pg_operator o WHERE o.oid >= 16384
	UNION ALL
	SELECT 'cast', t.oid::text, t.xmin::text FROM pg_catalog.pg_cast t WHERE t.oid >= 16384
	UNION ALL
	SELECT 'event', t.oid::text, t.xmin::text FROM pg_catalog.pg_event_trigger t
	UNION ALL
	SELECT 'schema', s.oid::text, s.xmin::text FROM pg_catalog.pg_namespace s WHERE s.nspname NOT LIKE 'pg\_%'
) AS row`)

// FingerprintAll is [Fingerprint] of all objects that anybody has made in the
// database. What roles may do is no part of it.
func FingerprintAll(ctx context.Context, conn *pgx.Conn) (int64, error) {
	rows, err := query(ctx, conn.PgConn(), printOfAll)
	if err != nil {
		return 0, fmt.Errorf("read the versions of catalog rows: %w", err)
	}
	return strconv.ParseInt(string(rows[0][0]), 10, 64)
}
