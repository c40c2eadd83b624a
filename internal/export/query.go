package export

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// settings are in effect for the export only, since its transaction is rolled
// back. They are those of pg_dump: settings under which another session could
// read a value differently, or a floating-point number with fewer digits.
//
// The transaction is read-only, because COPY bypasses the hooks that report
// changes.
const settings = `SET LOCAL transaction_read_only = on; SET LOCAL client_encoding = 'UTF8';
SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL extra_float_digits = 1`

// withoutSemicolon removes a statement's semicolon, which would end the COPY
// around it. A trailing semicolon is either that or in a comment.
func withoutSemicolon(query string) string {
	return strings.TrimRight(query, "; \t\r\n")
}

// checkText returns an error for a text that the protocol would cut.
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

// prepare applies the settings, and lets the server parse the query before it
// becomes part of a COPY.
//
// A query that the server has parsed is one complete statement: it closes every
// parenthesis, literal and comment that it opens, by the server's rules and
// under the settings of the COPY. So it cannot leave the parentheses of COPY:
// `SELECT 1) TO PROGRAM '...' --` is refused.
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

// untypedParameter reports whether err is about a parameter of unknown type.
func untypedParameter(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == "42P18" && strings.Contains(pgErr.Message, "$")
}

// uniqueNames returns an error if two columns have the same name: of duplicate
// members of a JSON object, most readers silently keep the last.
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

// copyStatement returns the COPY of the query, which is on lines of its own, so
// that a comment at its end ends there.
//
// JSON is the only column of a binary COPY: the text format would double its
// backslashes, and CSV its quotes. r.* is the row even if a column is named r.
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

// copyOut runs the COPY. It calls the hooks of the connection, which pgconn's
// CopyTo does not, so that the statement is measured and logged.
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

// stringLiteral returns s as an SQL literal that does not depend on
// standard_conforming_strings.
func stringLiteral(s string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
