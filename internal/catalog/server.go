package catalog

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// query runs one statement with arguments in text form and returns the rows in
// text form. It runs below pgx, without tracers and statement cache.
func query(ctx context.Context, conn *pgconn.PgConn, sql string, args ...string) ([][][]byte, error) {
	params := make([][]byte, len(args))
	for i, arg := range args {
		params[i] = []byte(arg)
	}
	result := conn.ExecParams(ctx, sql, params, nil, nil, nil).Read()
	return result.Rows, result.Err
}

// exact qualifies the operators of a query so that they are the server's own
// under any search path, even one with other schemas before pg_catalog.
func exact(sql string) string {
	return strings.NewReplacer(
		" = ", " OPERATOR(pg_catalog.=) ",
		" <> ", " OPERATOR(pg_catalog.<>) ",
		" >= ", " OPERATOR(pg_catalog.>=) ",
		" <= ", " OPERATOR(pg_catalog.<=) ",
		" > ", " OPERATOR(pg_catalog.>) ",
		" || ", " OPERATOR(pg_catalog.||) ",
		" NOT LIKE ", " OPERATOR(pg_catalog.!~~) ",
	).Replace(sql)
}

// oidArray writes oids as the text form of an array.
func oidArray(oids []uint32) string {
	text := make([]byte, 0, 2+8*len(oids))
	text = append(text, '{')
	for i, oid := range oids {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendUint(text, uint64(oid), 10)
	}
	return string(append(text, '}'))
}

// parseOID reads an oid, 0 for NULL.
func parseOID(text []byte) (uint32, error) {
	if text == nil {
		return 0, nil
	}
	oid, err := strconv.ParseUint(string(text), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("read oid %q: %w", text, err)
	}
	return uint32(oid), nil
}

// quoteName writes an identifier for SQL text, quoted where necessary.
func quoteName(name string) string {
	for i := range len(name) {
		c := name[i]
		if !(c == '_' || 'a' <= c && c <= 'z' || i > 0 && '0' <= c && c <= '9') {
			return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		}
	}
	if name == "" {
		return `""`
	}
	return name
}
