package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// locksQuery asks for the relations of this database that this session has
// locked as writers do, or more. A relation dropped in the transaction is in
// pg_class no more. Indexes and TOAST tables are left out, as their table is
// locked too, and views, which have no rows of their own.
var locksQuery = exact(`
SELECT DISTINCT l.relation, n.nspname, c.relname, c.relkind::text || c.relpersistence::text
FROM pg_catalog.pg_lock_status() l
	LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation
	LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted
	AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
	AND l.mode <> ALL ('{AccessShareLock, RowShareLock}')
	AND (c.relkind IS NULL OR c.relkind <> ALL ('{i, I, t, v}'))
ORDER BY 1`)

// Locks returns the relations that the transaction open on conn has locked as
// one does who writes to them: it may have changed these and no others, since
// such locks are held to the end. Relations of the catalogs and temporary ones
// are among them. Ask before COMMIT: afterwards, and in a transaction that has
// failed, there are none to ask for.
//
// A procedure or DO block that commits by itself lets go of its locks, so
// after one that ran outside a transaction this knows nothing.
//
// The request goes around pgx's tracers.
func Locks(ctx context.Context, conn *pgx.Conn) ([]Relation, error) {
	rows, err := query(ctx, conn.PgConn(), locksQuery)
	if err != nil {
		return nil, fmt.Errorf("read own locks: %w", err)
	}
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
