package catalog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/sqltext"
)

// probeName is the function that holds the examined statement for the time of
// the transaction.
const probeName = "headrace_examined"

// maxParams is how many parameters a function may have (FUNC_MAX_ARGS).
const maxParams = 100

// savepoint is where a transaction goes back to after a function could not be
// made, or has been read.
const savepoint = "headrace_probe"

// A refusedError says why the server does not parse a statement as the body of
// a function, be the statement right or not.
type refusedError struct{ *pgconn.PgError }

func (e *refusedError) Unwrap() error { return e.PgError }

// describe has the server tell the types of the statement's parameters, and
// makes sure that it is one statement and ends where it seems to.
func describe(ctx context.Context, conn *pgconn.PgConn, text string) ([]uint32, error) {
	described, err := conn.Prepare(ctx, "", text, nil)
	if err != nil {
		return nil, fmt.Errorf("describe: %w", err)
	}
	return described.ParamOIDs, nil
}

// probe has the server parse the statement and returns its node tree. With a
// *refusedError the transaction can go on.
func probe(ctx context.Context, conn *pgconn.PgConn, text string, params []uint32) (tree string, err error) {
	names, err := typeNames(ctx, conn, params)
	if err != nil {
		return "", err
	}
	if len(names) > maxParams {
		text, names = withoutParams(text, names), nil
	}
	return parse(ctx, conn, probeName, strings.Join(names, ", "), text)
}

// parse makes a function that is never called, and returns the node tree of
// its body. The transaction has a savepoint to go back to.
func parse(ctx context.Context, conn *pgconn.PgConn, name, params, body string) (string, error) {
	// The line end ends a comment in which the body may end.
	sql := "CREATE FUNCTION pg_temp." + quoteName(name) + "(" + params + ")" +
		" RETURNS void LANGUAGE sql BEGIN ATOMIC " + body + "\n; END"
	if _, err := query(ctx, conn, sql); err != nil {
		return "", errors.Join(refused(err), backToSavepoint(ctx, conn))
	}
	rows, err := query(ctx, conn, bodyQuery, name)
	if err != nil {
		return "", fmt.Errorf("read the parsed statement: %w", err)
	}
	if len(rows) != 1 {
		return "", errors.New("read the parsed statement: it is not there")
	}
	return string(rows[0][0]), nil
}

var bodyQuery = exact(`
SELECT prosqlbody FROM pg_catalog.pg_proc
WHERE pronamespace = pg_catalog.pg_my_temp_schema() AND proname = $1`)

// refused tells errors that lie in the statement or in the role's rights from
// those that another try may not meet.
func refused(err error) error {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pgErr.Code[:2] {
		case "08", "40", "53", "55", "57", "58", "XX":
		default:
			return &refusedError{pgErr}
		}
	}
	return fmt.Errorf("parse: %w", err)
}

func backToSavepoint(ctx context.Context, conn *pgconn.PgConn) error {
	if conn.TxStatus() == 'I' {
		return nil // the connection broke
	}
	_, err := conn.Exec(ctx, "ROLLBACK TO "+savepoint).ReadAll()
	return err
}

// probeFunction parses the body of a function in SQL that is a string, and
// returns an empty tree where that cannot be done.
func probeFunction(ctx context.Context, conn *pgconn.PgConn, oid uint32, f *functionFacts, path string) (string, error) {
	rows, err := query(ctx, conn, `
SELECT string_agg(concat_ws(' ', quote_ident(nullif(p.proargnames[a.i], '')), format_type(a.type, NULL)), ', ' ORDER BY a.i)
FROM pg_proc p, unnest(COALESCE(p.proallargtypes, p.proargtypes::oid[])) WITH ORDINALITY a (type, i)
WHERE p.oid = $1 AND COALESCE(p.proargmodes[a.i], 'i') IN ('i', 'b', 'v')`, strconv.FormatUint(uint64(oid), 10))
	if err != nil {
		return "", fmt.Errorf("look up arguments of %s: %w", f, err)
	}
	if _, err := query(ctx, conn, "SELECT set_config('search_path', $1, true)", path); err != nil {
		return "", fmt.Errorf("set the search path of %s: %w", f, err)
	}
	tree, err := parse(ctx, conn, f.name, string(rows[0][0]), f.body)
	if err != nil {
		if _, ok := errors.AsType[*refusedError](err); !ok {
			return "", fmt.Errorf("read %s: %w", f, err)
		}
	}
	// This takes the function away and sets the path back.
	return tree, backToSavepoint(ctx, conn)
}

// typeNames returns the names of the types as they can be written under the
// search path of the session.
func typeNames(ctx context.Context, conn *pgconn.PgConn, oids []uint32) ([]string, error) {
	if len(oids) == 0 {
		return nil, nil
	}
	rows, err := query(ctx, conn, `
SELECT pg_catalog.format_type(t.oid, NULL)
FROM pg_catalog.unnest($1::pg_catalog.oid[]) WITH ORDINALITY AS t (oid, position)
ORDER BY t.position`, oidArray(oids))
	if err != nil {
		return nil, fmt.Errorf("look up parameter types: %w", err)
	}
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = string(row[0])
	}
	return names, nil
}

// withoutParams puts a NULL of the parameter's type in place of each.
func withoutParams(text string, types []string) string {
	var out strings.Builder
	for l := sqltext.NewLexer(text); ; {
		token, ok := l.Next()
		if !ok {
			return out.String()
		}
		word := text[token.Pos:token.End]
		if token.Kind == sqltext.Param {
			n, err := strconv.Atoi(word[1:])
			if err == nil && n >= 1 && n <= len(types) {
				word = "(NULL::" + types[n-1] + ")"
			}
		}
		out.WriteString(word)
	}
}

// namesTime tells whether a string constant of the text may hold a time that
// moves. One with an escape may hold anything.
func namesTime(text string) bool {
	for l := sqltext.NewLexer(text); ; {
		token, ok := l.Next()
		if !ok {
			return l.Err() != nil
		}
		word := text[token.Pos:token.End]
		if token.Kind == sqltext.String && (NamesTime(word) || strings.Contains(word, `\`)) {
			return true
		}
	}
}
