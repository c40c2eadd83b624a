package consistency

import (
	"context"
	"fmt"
)

// raising creates a function that raises the value of a table.
const raising = `CREATE FUNCTION raise_%[1]s(bigint) RETURNS bigint LANGUAGE %[2]s AS $$ %[3]s $$`

const (
	inPLpgSQL = "BEGIN UPDATE %s SET v = greatest(v, $1); RETURN 1; END"
	inSQL     = "UPDATE %s SET v = greatest(v, $1); SELECT 1::bigint"
)

// raised returns SQL for a table and a function in a language that raises its
// value.
func raised(name, language, body string) string {
	return fmt.Sprintf(table, name) + ";\n" + fmt.Sprintf(raising, name, language, fmt.Sprintf(body, name))
}

// functionWays returns ways in which functions write.
func functionWays() []way {
	return []way{
		{
			name: "called", source: "called", each: usual,
			setup: raised("called", "plpgsql", inPLpgSQL),
			write: statement("SELECT raise_called($1)"),
		},
		{
			name: "performed", source: "performed", each: usual,
			setup: raised("performed", "plpgsql", inPLpgSQL) + `;
CREATE FUNCTION perform(bigint) RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM raise_performed($1); END'`,
			write: statement("SELECT perform($1)"),
		},
		{
			name: "nested", source: "nested", each: usual,
			setup: raised("nested", "sql", inSQL) + `;
CREATE FUNCTION nest(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT raise_nested($1)';
CREATE FUNCTION nest_deeper(bigint) RETURNS bigint LANGUAGE plpgsql AS 'DECLARE r bigint := nest($1); BEGIN RETURN r; END'`,
			write: statement("SELECT nest_deeper($1)"),
		},
		{
			name: "atomic", source: "atomic", each: usual,
			setup: fmt.Sprintf(table, "atomic") + `;
CREATE FUNCTION raise_atomic(bigint) RETURNS bigint BEGIN ATOMIC UPDATE atomic SET v = greatest(v, $1); SELECT 1::bigint; END`,
			write: statement("SELECT raise_atomic($1)"),
		},
		{
			name: "поднято", source: `"Поднято"`, each: usual,
			setup: fmt.Sprintf(table, `"Поднято"`) + `;
CREATE FUNCTION "Поднять"(bigint) RETURNS void LANGUAGE plpgsql AS 'BEGIN UPDATE "Поднято" SET v = greatest(v, $1); END';
CREATE FUNCTION выше(bigint) RETURNS void LANGUAGE sql AS 'SELECT "Поднять"($1)'`,
			write: statement("SELECT выше($1)"),
		},
		{
			name: "quoted", source: `"a ""quoted"" name"`, each: usual,
			setup: fmt.Sprintf(table, `"a ""quoted"" name"`) + `;
CREATE FUNCTION "raise ""it"""(bigint) RETURNS void LANGUAGE plpgsql AS 'BEGIN UPDATE "a ""quoted"" name" SET v = greatest(v, $1); END'`,
			write: statement(`SELECT "raise ""it"""($1)`),
		},
		{
			name: "in_with", source: "in_with", each: usual,
			setup: raised("in_with", "plpgsql", inPLpgSQL),
			write: statement("WITH raised AS (SELECT raise_in_with($1) AS r) SELECT r FROM raised"),
		},
		{
			name: "in_where", source: "in_where", each: usual,
			setup: raised("in_where", "sql", inSQL),
			write: statement("SELECT 1 WHERE raise_in_where($1) = 1"),
		},
		{
			name: "defined", source: "vault.defined", each: usual,
			setup: "CREATE SCHEMA vault; " + fmt.Sprintf(table, "vault.defined") + "; " + fmt.Sprintf(table, "defined") + `;
CREATE FUNCTION raise_defined(bigint) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = vault, pg_temp
AS 'UPDATE defined SET v = greatest(v, $1)'`,
			write: statement("SELECT raise_defined($1)"),
		},
	}
}

// opaqueWays returns ways whose effects the server does not show.
func opaqueWays() []way {
	return []way{
		{
			name: "executed", source: "executed", each: seldom,
			setup: fmt.Sprintf(table, "executed") + `;
CREATE FUNCTION raise_any(text, bigint) RETURNS void LANGUAGE plpgsql
AS 'BEGIN EXECUTE format(''UPDATE %I SET v = greatest(v, $1)'', $1) USING $2; END'`,
			write: statement("SELECT raise_any('executed', $1)"),
		},
		{
			name: "procedure", source: "procedure", each: seldom,
			setup: fmt.Sprintf(table, "procedure") + `;
CREATE PROCEDURE raise_procedure(bigint) LANGUAGE plpgsql AS 'BEGIN UPDATE procedure SET v = greatest(v, $1); COMMIT; END'`,
			write: statement("CALL raise_procedure($1)"),
		},
		simple("done", seldom, func(ctx context.Context, w *writer, to int64) error {
			_, err := w.pg.Exec(ctx, fmt.Sprintf("DO $$ BEGIN UPDATE done SET v = greatest(v, %d); END $$", to))
			return err
		}),
	}
}

// readWays returns ways in which functions and system columns are read.
func readWays() []way {
	return []way{
		{
			name: "прочитано", source: `"прочесть"() AS f (v)`, each: usual,
			setup: fmt.Sprintf(table, "прочитано") + `;
CREATE FUNCTION "прочесть"() RETURNS bigint STABLE LANGUAGE sql AS 'SELECT v FROM прочитано'`,
			write: statement(fmt.Sprintf(update, "прочитано")),
		},
		{
			name: "fetched", source: "fetched() AS f (v)", each: usual,
			setup: fmt.Sprintf(table, "fetching") + `;
CREATE FUNCTION fetched() RETURNS bigint STABLE LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT v FROM fetching); END'`,
			write: statement(fmt.Sprintf(update, "fetching")),
		},
		{
			name: "row_versions", source: "(SELECT xmin::text::bigint AS v FROM row_versions) r", each: usual,
			setup: "CREATE TABLE row_versions (w int); INSERT INTO row_versions VALUES (0)",
			write: touch("UPDATE row_versions SET w = w + 1"), rule: SystemColumns, refused: true,
		},
		{
			name: "row_locks", source: "(SELECT xmax::text::bigint AS v FROM row_locks) r", each: usual,
			setup: "CREATE TABLE row_locks (w int); INSERT INTO row_locks VALUES (0)",
			write: touch("SELECT FROM row_locks FOR UPDATE"), rule: SystemColumns, refused: true,
		},
	}
}

// touch runs a statement that leaves its transaction id in a system column.
// That id is the value.
func touch(sql string) func(context.Context, *writer, int64) error {
	return func(ctx context.Context, w *writer, _ int64) error {
		tx, err := w.pg.Begin(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // after Commit it does nothing
		var id int64
		if err := tx.QueryRow(ctx, "SELECT pg_current_xact_id()::text::bigint").Scan(&id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
		if err := tx.Commit(ctx); err != nil {
			return err
		}
		w.last = id
		return nil
	}
}

// The sources that depend on the time: in microseconds since 1970, or in days.
const micros = "(extract(epoch FROM %s) * 1000000)::bigint"

var movingSetup = "CREATE VIEW moving AS SELECT " + fmt.Sprintf(micros, "now()") + ` AS v;
CREATE FUNCTION moves() RETURNS timestamptz STABLE LANGUAGE sql AS 'SELECT now()'`

var moving = []struct {
	name, source string
	days         bool // in days, and read only with policies that never store it
}{
	{name: "now()", source: "(SELECT " + fmt.Sprintf(micros, "now()") + " AS v) m"},
	{name: "'now' by way of text", source: "(SELECT " + fmt.Sprintf(micros, "'now'::text::timestamptz") + " AS v) m"},
	{name: "now() and back", source: "(SELECT " + fmt.Sprintf(micros, "now()::text::timestamptz") + " AS v) m"},
	{name: "a view over now()", source: "moving"},
	{name: "a function over now()", source: "(SELECT " + fmt.Sprintf(micros, "moves()") + " AS v) m"},
	{name: "CURRENT_TIMESTAMP", source: "(SELECT " + fmt.Sprintf(micros, "CURRENT_TIMESTAMP") + " AS v) m"},
	{name: "CURRENT_DATE by way of text", source: "(SELECT CURRENT_DATE::text::date - date '2000-01-01' + 0::bigint AS v) m", days: true},
	{name: "age()", source: "(SELECT extract(year FROM age(timestamp '2000-01-01'))::bigint AS v) m", days: true},
}
