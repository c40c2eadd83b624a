package tablecache

import (
	"context"
	"fmt"
	"strings"
)

const oldestServer = 15

// checkSQL reads the catalogs, since the functions that look up a name fail
// without USAGE on its schema.
const checkSQL = `
WITH wanted AS (
	SELECT w.name, c.oid, c.relpersistence, s.oid AS schema
	FROM unnest($2::text[]) w (name)
	LEFT JOIN pg_catalog.pg_namespace s ON s.nspname = $1::text::name
	LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = s.oid AND c.relname = w.name::name
)
SELECT current_setting('server_version_num')::int / 10000,
	pg_is_in_recovery(),
	current_setting('transaction_read_only') = 'on',
	current_setting('server_encoding'),
	current_user::text,
	ARRAY(SELECT name FROM wanted WHERE oid IS NULL ORDER BY name),
	ARRAY(SELECT name FROM wanted WHERE relpersistence <> 'u' ORDER BY name),
	ARRAY(SELECT name FROM wanted WHERE NOT (
		has_schema_privilege(schema, 'USAGE') AND
		has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT') AND
		has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')) ORDER BY name)`

// check returns an error if the server cannot be reached, or why it does not
// fit.
func (t *Tier) check(ctx context.Context, schema string) error {
	var (
		version                 int
		standby, readOnly       bool
		encoding, user          string
		missing, logged, denied []string
	)
	err := t.pool.QueryRow(ctx, checkSQL, schema, []string{resultsTable, versionsTable, sweepsTable}).
		Scan(&version, &standby, &readOnly, &encoding, &user, &missing, &logged, &denied)
	switch {
	case err != nil:
		return err
	case version < oldestServer:
		return fmt.Errorf("the server is PostgreSQL %d, want %d or later", version, oldestServer)
	case standby:
		return fmt.Errorf("the server is a standby, where unlogged tables cannot be used: %s", usePrimary)
	case encoding != "UTF8" && encoding != "SQL_ASCII":
		return fmt.Errorf("the database has the encoding %s, want UTF8", encoding)
	case len(missing) > 0:
		return fmt.Errorf("no table %s: %s", strings.Join(missing, ", "), runMigration)
	case len(logged) > 0:
		return fmt.Errorf("table %s is not UNLOGGED: after a crash it could have old versions without the changes since", strings.Join(logged, ", "))
	case len(denied) > 0:
		return fmt.Errorf("role %q lacks permissions on table %s: %s", user, strings.Join(denied, ", "), grantPermissions)
	case readOnly:
		return fmt.Errorf("transactions are read-only: %s", allowWrites)
	}
	return nil
}
