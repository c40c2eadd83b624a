package export

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// settings are made in a transaction that is rolled back, and so last as
// long as the export. What they name are the settings that change how a value
// is written, in ways that another session would read differently or, of
// floating-point numbers, not in full. They are what pg_dump sets.
//
// read_only is there because a COPY goes past the hooks by which changes are
// announced.
const settings = `SET LOCAL transaction_read_only = on; SET LOCAL client_encoding = 'UTF8';
SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL extra_float_digits = 1`

// withoutSemicolon takes off the end of a statement, which would end a COPY
// around it in the middle. Within a comment it means nothing; a text cannot end
// in one otherwise.
func withoutSemicolon(query string) string {
	return strings.TrimRight(query, "; \t\r\n")
}

// checkText refuses a text that the protocol would cut.
func checkText(query string) error {
	if strings.Contains(query, "\x00") {
		return errors.New("the query contains NUL")
	}
	return nil
}

var (
	errParameters = errors.New("the query has parameters ($1), and COPY takes none: write the values into it")
	errNoColumns  = errors.New("the statement returns no columns: only a query can be exported")
)

// prepare makes the settings, and has the server's parser look at the query
// before it becomes part of a COPY.
//
// What passes is one statement, whole in itself: every parenthesis, text and
// comment that it opens it also closes, by the server's own rules and under the
// settings that hold for the COPY. So within the parentheses of COPY it stays
// there: `SELECT 1) TO PROGRAM '...' --` does not pass.
func (e *export) prepare(ctx context.Context, conn *pgconn.PgConn) error {
	if _, err := conn.Exec(ctx, settings).ReadAll(); err != nil {
		return fmt.Errorf("make the settings: %w", err)
	}
	described, err := conn.Prepare(ctx, "", e.query, nil)
	switch {
	case untypedParameter(err), err == nil && len(described.ParamOIDs) > 0:
		return errParameters
	case err != nil:
		return fmt.Errorf("have the query parsed: %w", err)
	case len(described.Fields) == 0:
		return errNoColumns
	case e.opts.Format == NDJSON:
		return uniqueNames(described.Fields)
	}
	return nil
}

// untypedParameter says whether the server cannot tell a parameter's type.
func untypedParameter(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == "42P18" && strings.Contains(pgErr.Message, "$")
}

// uniqueNames refuses columns of one name: of such members of a JSON object
// most readers keep the last and say nothing.
func uniqueNames(columns []pgconn.FieldDescription) error {
	seen := make(map[string]bool, len(columns))
	for _, c := range columns {
		if seen[c.Name] {
			return fmt.Errorf("two columns are named %q; name them apart with AS", c.Name)
		}
		seen[c.Name] = true
	}
	return nil
}

// copyStatement puts the query into a COPY, on lines of its own, so that a
// comment at its end ends there too.
//
// JSON comes as the only column of a binary COPY: the text format would double
// its backslashes, and CSV its quotes. r.* is the row even where a column is
// named r.
func (e *export) copyStatement() string {
	switch e.opts.Format {
	case NDJSON:
		return "COPY (SELECT pg_catalog.row_to_json(r.*) FROM (\n" + e.query + "\n) AS r) TO STDOUT (FORMAT binary)"
	case Binary:
		return "COPY (\n" + e.query + "\n) TO STDOUT (FORMAT binary)"
	}
	return "COPY (\n" + e.query + "\n) TO STDOUT (FORMAT csv, HEADER, DELIMITER " + literal(e.opts.Comma) +
		", QUOTE " + literal(e.opts.Quote) + ", ESCAPE " + literal(e.opts.Escape) + ", NULL " + stringLiteral(e.opts.Null) + ")"
}

// copyOut runs the COPY. pgconn's CopyTo calls no hook of the connection: they
// are called here, so that the statement is measured and logged as any.
func (e *export) copyOut(ctx context.Context, conn *pgx.Conn, out *gate) (int64, error) {
	sql := e.copyStatement()
	tracer := conn.Config().Tracer
	if tracer != nil {
		ctx = tracer.TraceQueryStart(ctx, conn, pgx.TraceQueryStartData{SQL: sql})
	}
	tag, err := conn.PgConn().CopyTo(ctx, out, sql)
	if tracer != nil {
		tracer.TraceQueryEnd(ctx, conn, pgx.TraceQueryEndData{CommandTag: tag, Err: err})
	}
	return tag.RowsAffected(), err
}

func literal(b byte) string { return stringLiteral(string([]byte{b})) }

// stringLiteral writes s as SQL, whatever standard_conforming_strings says.
func stringLiteral(s string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
