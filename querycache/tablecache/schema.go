package tablecache

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// upSQL and downSQL create and drop the tables. The tables of a later release
// that are not compatible will have other names.
var (
	upSQL = []string{
		`CREATE SCHEMA {schema}`,

		`CREATE UNLOGGED TABLE {schema}.results (
    key     text        COLLATE "C" PRIMARY KEY,
    value   bytea       NOT NULL,
    expires timestamptz NOT NULL
) WITH (
    fillfactor = 90,
    autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_scale_factor = 0.05,
    vacuum_truncate = false, toast.vacuum_truncate = false
)`,
		`COMMENT ON TABLE {schema}.results IS 'headrace: cached results; may be emptied at any time'`,

		`CREATE UNLOGGED TABLE {schema}.versions (
    name    text        COLLATE "C" PRIMARY KEY,
    version bigint      NOT NULL CHECK (version <> 0),
    expires timestamptz NOT NULL
) WITH (
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0.05,
    vacuum_truncate = false
)`,
		`COMMENT ON TABLE {schema}.versions IS 'headrace: versions of what cached results depend on; may be emptied at any time'`,

		`CREATE UNLOGGED TABLE {schema}.sweeps (
    id    integer     PRIMARY KEY CHECK (id = 1),
    began timestamptz NOT NULL
)`,
		`COMMENT ON TABLE {schema}.sweeps IS 'headrace: when the last removal of expired rows began'`,
	}
	downSQL = []string{
		`DROP TABLE {schema}.sweeps`,
		`DROP TABLE {schema}.versions`,
		`DROP TABLE {schema}.results`,
		`DROP SCHEMA {schema}`,
	}
)

func inSchema(statements []string, schema string) []string {
	quoted := pgx.Identifier{schema}.Sanitize()
	texts := make([]string, len(statements))
	for i, sql := range statements {
		texts[i] = strings.ReplaceAll(sql, "{schema}", quoted)
	}
	return texts
}

// Migration returns the text of a migration file, as goose and package
// migrations apply it, that creates the schema and the tables in it, and drops
// both on the way down. Write it to a file with the next number of the
// program's own migrations. An empty schema is [DefaultSchema].
func Migration(schema string) (string, error) {
	if schema == "" {
		schema = DefaultSchema
	}
	if err := checkSchema(schema); err != nil {
		return "", fmt.Errorf("tablecache: migration: %w", err)
	}
	return "-- +goose Up\n" + gooseStatements(upSQL, schema) + "\n-- +goose Down\n" + gooseStatements(downSQL, schema), nil
}

// gooseStatements marks where statements end: goose would also find ends in the
// name of the schema.
func gooseStatements(statements []string, schema string) string {
	var text strings.Builder
	for _, sql := range inSchema(statements, schema) {
		text.WriteString("\n-- +goose StatementBegin\n" + sql + ";\n-- +goose StatementEnd\n")
	}
	return text.String()
}

// A Beginner is a *pgx.Conn, a *pgxpool.Pool, or a handle of package db.
type Beginner interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// Install creates the schema, unless it exists, and the tables in it, unless
// they exist. It may be called at every start, by many processes at once, as an
// alternative to [Migration]. Creating the schema needs CREATE on the database.
// An empty schema is [DefaultSchema].
func Install(ctx context.Context, on Beginner, schema string) error {
	if schema == "" {
		schema = DefaultSchema
	}
	err := checkSchema(schema)
	if err == nil {
		err = pgx.BeginFunc(ctx, on, func(tx pgx.Tx) error { return install(ctx, tx, schema) })
	}
	if err != nil {
		return fmt.Errorf("tablecache: install schema %q: %w", schema, oneLine(err))
	}
	return nil
}

func install(ctx context.Context, tx pgx.Tx, schema string) error {
	// An existing schema needs no lock, nor permissions.
	if there, err := tablesIn(ctx, tx, schema); err != nil || there[sweepsTable] {
		return err
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1::bigint)`, installLock); err != nil {
		return err
	}
	there, err := tablesIn(ctx, tx, schema)
	if err != nil || there[sweepsTable] {
		return err
	}
	texts := inSchema(upSQL, schema)
	if there[""] {
		texts = texts[1:]
	}
	for _, sql := range texts {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// installLock is "headcach" in ASCII.
const installLock int64 = 0x6865616463616368

// tablesIn returns the names of the tables in a schema, and "" if the schema
// exists. It reads the catalogs themselves: to_regclass may use what the
// session cached before it waited for a lock.
func tablesIn(ctx context.Context, tx pgx.Tx, schema string) (map[string]bool, error) {
	rows, err := tx.Query(ctx, `
SELECT coalesce(c.relname::text, '')
FROM pg_catalog.pg_namespace s
LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = s.oid AND c.relkind = 'r'
WHERE s.nspname = $1::text::name
UNION SELECT '' FROM pg_catalog.pg_namespace WHERE nspname = $1::text::name`, schema)
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	there := make(map[string]bool, len(names))
	for _, name := range names {
		there[name] = true
	}
	return there, err
}
