package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// locksQuery returns the relations of this database that this session has
// locked at write level or above. A relation dropped in the transaction is
// missing in pg_class. Indexes and TOAST tables are left out, since their table
// is locked too, and so are views, which have no rows of their own.
var locksQuery = exact(`
SELECT DISTINCT l.relation, n.nspname, c.relname, c.relkind::text || c.relpersistence::text
FROM pg_catalog.pg_lock_status() l
	LEFT JOIN LATERAL (SELECT * FROM pg_catalog.pg_class c WHERE c.oid = l.relation OFFSET 0) c ON true
	LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted
	AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
	AND l.mode <> ALL ('{AccessShareLock, RowShareLock}')
	AND (c.relkind IS NULL OR c.relkind <> ALL ('{i, I, t, v}'))
ORDER BY 1`)

func lockedRelations(rows [][][]byte) ([]Relation, error) {
	list := make([]Relation, 0, len(rows))
	for _, row := range rows {
		oid, err := parseOID(row[0])
		if err != nil {
			return nil, err
		}
		r := Relation{OID: oid}
		if row[1] != nil {
			r = Relation{oid, string(row[1]), string(row[2]), Kind(row[3][0]), Persistence(row[3][1])}
		}
		list = append(list, r)
	}
	return list, nil
}

// beyondQuery finds out what the locks on relations do not show: catalog rows
// written in this transaction (or just before it, by this session), for example
// of functions and types; triggers that are deferred to COMMIT; and ways to
// write over another connection.
//
// The query walks the index to the relations of the server itself, since most
// of pg_class are others.
var beyondQuery = exact(`
WITH RECURSIVE own (oid) AS (
	SELECT pg_catalog.min(c.oid) FROM pg_catalog.pg_class c
	UNION ALL
	SELECT (SELECT c.oid FROM pg_catalog.pg_class c WHERE c.oid > o.oid ORDER BY c.oid LIMIT 1) FROM own o WHERE o.oid <= 16383)
SELECT pg_catalog.current_setting('track_counts') = 'off'
	OR EXISTS (
		SELECT FROM own o CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_class c WHERE c.oid = o.oid OFFSET 0) c
		WHERE c.relnamespace = 'pg_catalog'::pg_catalog.regnamespace AND c.relkind::pg_catalog.text = 'r'
			AND c.relname <> ALL ('{pg_statistic, pg_largeobject, pg_largeobject_metadata, pg_shdepend}'::pg_catalog.name[])
			AND (pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) <> 0
				OR pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) <> 0
				OR pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) <> 0))
	OR EXISTS (
		SELECT FROM pg_catalog.pg_lock_status() l
			CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_trigger t WHERE t.tgrelid = l.relation OFFSET 0) t
		WHERE l.pid = pg_catalog.pg_backend_pid() AND t.tgdeferrable AND NOT t.tgisinternal)
	OR EXISTS (SELECT FROM pg_catalog.pg_language l WHERE l.lanispl AND NOT l.lanpltrusted)
	OR EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE e.extname = 'dblink')`)

// Written returns the relations on which the open transaction of conn holds
// write-level locks, including catalogs and temporary relations. It may have
// changed these and no others, since such locks are held to its end. known is
// false if it may have changed others, or the schema, or may still do so at
// COMMIT. Call it before COMMIT: afterwards, and in a failed transaction, there
// are no locks to report.
//
// A procedure or DO block that commits releases its locks, so Written cannot
// report the writes of one that ran outside a transaction.
//
// The request bypasses pgx's tracers. It leaves the transaction as it was, even
// if the server reports an error.
func Written(ctx context.Context, conn *pgx.Conn) (relations []Relation, known bool, err error) {
	const point = "headrace_written"
	pc := conn.PgConn()
	results, err := pc.Exec(ctx, "SAVEPOINT "+point+";"+locksQuery+";"+beyondQuery+"; RELEASE "+point).ReadAll()
	if err != nil {
		if !pc.IsClosed() && pc.TxStatus() == 'E' {
			_, back := pc.Exec(ctx, "ROLLBACK TO "+point+"; RELEASE "+point).ReadAll()
			err = errors.Join(err, back)
		}
		return nil, false, fmt.Errorf("read own locks: %w", err)
	}
	relations, err = lockedRelations(results[1].Rows)
	if err != nil {
		return nil, false, err
	}
	for _, r := range relations {
		if r.Name == "" || r.Kind == ForeignTable {
			return relations, false, nil
		}
	}
	return relations, string(results[2].Rows[0][0]) == "f", nil
}
