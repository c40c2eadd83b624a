package catalog

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A scope says whose catalog rows count: conditions, on an oid or a name.
type scope struct {
	relation func(oid string) string
	class    string // on c, which stands for pg_class
	function string // on f, which stands for pg_proc
	types    string // on t, which stands for pg_type
	more     string // further parts
}

// named are the relations $1 and functions $2. Rows of the same name count as
// well, since a table that is made in a schema further up the search path takes
// the place of the one that was read.
var named = scope{
	relation: func(oid string) string { return oid + " = ANY ($1::pg_catalog.oid[])" },
	class: `c.relname = ANY (ARRAY(SELECT n.relname FROM pg_catalog.pg_class n WHERE n.oid = ANY ($1::pg_catalog.oid[])))
		AND s.nspname NOT LIKE 'pg\_temp\_%'`,
	function: "f.proname = ANY (ARRAY(SELECT n.proname FROM pg_catalog.pg_proc n WHERE n.oid = ANY ($2::pg_catalog.oid[])))",
	types: `t.oid = ANY (ARRAY(
		SELECT a.atttypid FROM pg_catalog.pg_attribute a
		WHERE a.attrelid = ANY ($1::pg_catalog.oid[]) AND a.atttypid >= 16384))`,
}

// all is everything that anybody has made (FirstNormalObjectId, transam.h), but for
// what is temporary.
var all = scope{
	relation: func(oid string) string {
		return "EXISTS (SELECT FROM pg_catalog.pg_class k WHERE k.oid = " + oid + " AND " + madeToStay("k") + ")"
	},
	class:    madeToStay("c"),
	function: "f.oid >= 16384",
	types:    "t.oid >= 16384 AND t.typtype::text = ANY ('{d,e}')",
	more: `
	UNION ALL
	SELECT 'constraint', c.oid::text, c.xmin::text FROM pg_catalog.pg_constraint c WHERE c.contypid <> 0
	UNION ALL
	SELECT 'operator', o.oid::text, o.xmin::text FROM pg_catalog.pg_operator o WHERE o.oid >= 16384
	UNION ALL
	SELECT 'cast', t.oid::text, t.xmin::text FROM pg_catalog.pg_cast t WHERE t.oid >= 16384
	UNION ALL
	SELECT 'event', t.oid::text, t.xmin::text FROM pg_catalog.pg_event_trigger t
	UNION ALL
	SELECT 'schema', s.oid::text, s.xmin::text FROM pg_catalog.pg_namespace s WHERE s.nspname NOT LIKE 'pg\_%'`,
}

// madeToStay leaves out indexes, whose tables tell of them, and TOAST tables.
func madeToStay(class string) string {
	return class + ".oid >= 16384 AND " + class + ".relpersistence::text <> 't' AND " + class + ".relkind::text <> ALL ('{i,I,t}')"
}

// fingerprintQuery adds up a hash of each catalog row in a scope, by the
// transaction that wrote it. A row that comes, goes or is written anew changes
// the sum; what is temporary does not count.
//
// Freezing does not change xmin as it is shown. Rows of pg_class are compared
// by content, as TRUNCATE and VACUUM FULL write them anew.
func fingerprintQuery(of scope) string {
	return exact(`
SELECT pg_catalog.mod(COALESCE(pg_catalog.sum(
	pg_catalog.hashtextextended(pg_catalog.concat_ws(' ', kind, id, version), 0)), 0), 9223372036854775783)::int8
FROM (
	SELECT 'class' AS kind, c.oid::text AS id, pg_catalog.concat_ws(' ', c.relname, c.relnamespace, c.relowner,
		c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.relacl, c.reloptions) AS version
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
	WHERE ` + of.class + `
	UNION ALL
	SELECT 'attribute', a.attrelid || '.' || a.attnum, a.xmin::text
	FROM pg_catalog.pg_attribute a WHERE ` + of.relation("a.attrelid") + `
	UNION ALL
	SELECT 'default', d.oid::text, d.xmin::text
	FROM pg_catalog.pg_attrdef d WHERE ` + of.relation("d.adrelid") + `
	UNION ALL
	SELECT 'index', i.indexrelid::text, i.xmin::text
	FROM pg_catalog.pg_index i
	WHERE ` + of.relation("i.indrelid") + ` AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
	UNION ALL
	SELECT 'inherits', i.inhrelid || ' ' || i.inhparent, i.xmin::text
	FROM pg_catalog.pg_inherits i
	WHERE ` + of.relation("i.inhparent") + ` OR ` + of.relation("i.inhrelid") + `
	UNION ALL
	SELECT 'rule', r.oid::text, r.xmin::text
	FROM pg_catalog.pg_rewrite r WHERE ` + of.relation("r.ev_class") + `
	UNION ALL
	SELECT 'policy', p.oid::text, p.xmin::text
	FROM pg_catalog.pg_policy p WHERE ` + of.relation("p.polrelid") + `
	UNION ALL
	SELECT 'trigger', t.oid::text, t.xmin::text
	FROM pg_catalog.pg_trigger t WHERE ` + of.relation("t.tgrelid") + `
	UNION ALL
	SELECT 'constraint', c.oid::text, c.xmin::text
	FROM pg_catalog.pg_constraint c
	WHERE ` + of.relation("c.conrelid") + ` OR ` + of.relation("c.confrelid") + `
	UNION ALL
	SELECT 'schema', s.oid::text, s.xmin::text
	FROM pg_catalog.pg_namespace s
	WHERE s.oid = ANY (ARRAY(SELECT c.relnamespace FROM pg_catalog.pg_class c WHERE ` + of.relation("c.oid") + `))
	UNION ALL
	SELECT 'type', t.oid::text, t.xmin::text || ' ' || COALESCE(e.version, '')
	FROM pg_catalog.pg_type t
		LEFT JOIN LATERAL (
			SELECT pg_catalog.string_agg(e.xmin::text, ' ' ORDER BY e.oid) AS version
			FROM pg_catalog.pg_enum e WHERE e.enumtypid = ANY (ARRAY[t.oid, t.typelem, t.typbasetype])
		) e ON true
	WHERE ` + of.types + `
	UNION ALL
	SELECT 'function', f.oid::text, f.xmin::text
	FROM pg_catalog.pg_proc f WHERE ` + of.function + of.more + `
) AS row`)
}

var printOfNamed, printOfAll = fingerprintQuery(named), fingerprintQuery(all)

// Fingerprint returns a number that changes when the definition of one of the
// objects does: its columns, the query of a view, policies, triggers, rules,
// partitions, foreign keys, a function's body, or an object of the same name
// that may take its place. It may run inside a transaction and needs no rights
// beyond those that everybody has.
func Fingerprint(ctx context.Context, conn *pgx.Conn, d Dependencies) (int64, error) {
	return fingerprint(ctx, conn.PgConn(), d)
}

func fingerprint(ctx context.Context, conn *pgconn.PgConn, d Dependencies) (int64, error) {
	return sumOf(ctx, conn, printOfNamed, oidArray(d.Relations), oidArray(d.Functions))
}

// FingerprintAll is [Fingerprint] of all objects that anybody has made in the
// database. What roles may do is no part of it.
func FingerprintAll(ctx context.Context, conn *pgx.Conn) (int64, error) {
	return sumOf(ctx, conn.PgConn(), printOfAll)
}

func sumOf(ctx context.Context, conn *pgconn.PgConn, sql string, args ...string) (int64, error) {
	rows, err := query(ctx, conn, sql, args...)
	if err != nil {
		return 0, fmt.Errorf("read the versions of catalog rows: %w", err)
	}
	return strconv.ParseInt(string(rows[0][0]), 10, 64)
}
