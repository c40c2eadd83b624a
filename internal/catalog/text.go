package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/sqltext"
)

// followText follows what the text itself names, where the server does not
// parse it for us: the role lacks TEMP, or the server is a standby. That tells
// nothing certain of what an answer depends on, but it does of what changes:
// the relations named, with all that the catalogs add, and the functions of
// each name that is called. What the text does not show is in question as a
// whole: operators, casts and domains that somebody made.
func (w *walk) followText(ctx context.Context, st *sqltext.Statement, because *refusedError) error {
	w.refuse(Unexamined, because.Message)
	w.effects.ReadsKnown = false
	if !st.TablesKnown {
		w.unknown(Unexamined, because.Message)
	}
	if st.ReadOnly == sqltext.No {
		w.refuse(NotRead, st.Kind.String())
		w.effects.ReadOnly = false
	}
	err := errors.Join(
		w.enqueueTables(ctx, st.Reads, readStep, 0),
		w.enqueueTables(ctx, st.Writes, writeStep, writeEvents(st)))
	if _, ok := errors.AsType[*pgconn.PgError](err); ok { // SELECT ... INTO a table that is not there
		w.unknown(Unexamined, because.Message)
		err = backToSavepoint(ctx, w.conn)
	}
	if err != nil {
		return err
	}
	if err := narrowPath(ctx, w.conn); err != nil {
		return err
	}
	var n Names
	if !n.look(st.Text) {
		w.unknown(Unexamined, because.Message)
	}
	if err := w.enqueueNamed(ctx, append(n.calls, st.Calls...), n.operators); err != nil {
		return err
	}
	return w.run(ctx)
}

// writeEvents tells what a text may do to the relations that it writes to.
func writeEvents(st *sqltext.Statement) event {
	switch st.Kind {
	case sqltext.CopyFrom:
		return onInsert | byCopy
	case sqltext.Truncate:
		return onTruncate
	}
	return onInsert | onUpdate | onDelete
}

// enqueueTables finds relations by name under the search path of the session.
func (w *walk) enqueueTables(ctx context.Context, tables []sqltext.Table, kind stepKind, on event) error {
	for _, table := range tables {
		oid, err := relationByName(ctx, w.conn, table)
		if err != nil {
			return err
		}
		w.enqueue(kind, oid, on)
	}
	return nil
}

func relationByName(ctx context.Context, conn *pgconn.PgConn, table sqltext.Table) (uint32, error) {
	name := quoteName(table.Name)
	if table.Schema != "" {
		name = quoteName(table.Schema) + "." + name
	}
	rows, err := query(ctx, conn, "SELECT $1::pg_catalog.regclass::pg_catalog.oid", name)
	if err != nil {
		return 0, fmt.Errorf("look up %s: %w", name, err)
	}
	return parseOID(rows[0][0])
}

// callQuery finds the functions of a name, with $1 naming the schema or none.
const callQuery = `
SELECT p.oid
FROM unnest($1::text[], $2::text[]) c (schema, name)
	JOIN pg_proc p ON p.proname = c.name
	JOIN pg_namespace n ON n.oid = p.pronamespace AND (n.nspname = c.schema OR c.schema = '')`

// enqueueNamed adds all functions and operators that a text may call.
func (w *walk) enqueueNamed(ctx context.Context, calls []sqltext.Function, operators []string) error {
	schemas, names := make([]string, len(calls)), make([]string, len(calls))
	for i, call := range calls {
		schemas[i], names[i] = call.Schema, call.Name
	}
	rows, err := query(ctx, w.conn, callQuery, textArray(schemas), textArray(names))
	if err != nil {
		return fmt.Errorf("look up functions by name: %w", err)
	}
	for _, row := range rows {
		oid, err := parseOID(row[0])
		if err != nil {
			return err
		}
		w.enqueue(functionStep, oid, 0)
	}
	return w.enqueueUserMade(ctx, operators)
}

// userMadeQuery finds the functions behind operators of the names given, of
// those that syntax stands for (BETWEEN, LIKE) and of operator classes (ORDER
// BY, DISTINCT), behind casts and, as types with a minus, domains that somebody
// made.
const userMadeQuery = `
SELECT oprcode::oid::int8 FROM pg_operator
WHERE oid >= 16384 AND oprcode <> 0
	AND (oprname = ANY ($1::text[]) OR oprname IN ('=', '<>', '<', '>', '<=', '>=', '~~', '!~~', '~~*', '!~~*', '~', '!~')
		OR EXISTS (SELECT FROM pg_amop a WHERE a.amopopr = pg_operator.oid))
UNION
SELECT castfunc::int8 FROM pg_cast WHERE castfunc >= 16384
UNION
SELECT -oid::int8 FROM pg_type WHERE typtype = 'd' AND oid >= 16384`

// enqueueUserMade adds what a text may use of operators, casts and domains
// that somebody made. No name of the latter need be in it.
func (w *walk) enqueueUserMade(ctx context.Context, operators []string) error {
	rows, err := query(ctx, w.conn, userMadeQuery, textArray(operators))
	if err != nil {
		return fmt.Errorf("look up operators, casts and domains: %w", err)
	}
	for _, row := range rows {
		kind, digits := functionStep, row[0]
		if digits[0] == '-' {
			kind, digits = typeStep, digits[1:]
		}
		oid, err := parseOID(digits)
		if err != nil {
			return err
		}
		w.enqueue(kind, oid, 0)
	}
	return nil
}

// textArray writes strings as the text form of an array.
func textArray(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}
