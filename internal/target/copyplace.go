package target

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
)

// CopyPlace returns the line and the column that the CONTEXT of a COPY's error
// names: "COPY cities, line 7, column population: ...". In a binary COPY a line
// is a row. The words depend on the server's language (lc_messages), their order
// does not.
func CopyPlace(err error, relname string) (line int64, column string, ok bool) {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return 0, "", false
	}
	byCopy := true // raised by COPY itself, not by a trigger, which adds a line of CONTEXT
	for context := range strings.Lines(pgErr.Where) {
		if line, column, ok = placeIn(context, relname); ok {
			if column == "" && byCopy {
				column = namedColumn(pgErr)
			}
			return line, column, true
		}
		byCopy = false
	}
	return 0, "", false
}

// placeIn returns the place that one line of CONTEXT names.
func placeIn(context, relname string) (line int64, column string, ok bool) {
	rest, isCopy := strings.CutPrefix(strings.TrimSpace(context), "COPY "+relname+", ")
	if !isCopy {
		return 0, "", false
	}
	_, rest, _ = strings.Cut(rest, " ") // "line"
	digits := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if digits < 0 {
		digits = len(rest)
	}
	line, err := strconv.ParseInt(rest[:digits], 10, 64)
	if err != nil {
		return 0, "", false
	}
	if rest, hasColumn := strings.CutPrefix(rest[digits:], ", "); hasColumn {
		_, column, _ = strings.Cut(rest, " ") // "column"
		column, _, _ = strings.Cut(column, ":")
	}
	return line, column, true
}

// namedColumn returns the column that an error names outside of CONTEXT: in its
// field ColumnName for NULL in a NOT NULL column (23502), in its message for
// missing data (22P04).
func namedColumn(pgErr *pgconn.PgError) string {
	if pgErr.ColumnName == "" && pgErr.Code == "22P04" {
		return quotedName(pgErr.Message)
	}
	return pgErr.ColumnName
}

// quotedName returns the name in quotation marks in a message, in those of any
// language of the server, or "" if there is not exactly one.
func quotedName(message string) string {
	isMark := func(r rune) bool { return strings.ContainsRune(`"»«„“”`, r) }
	var parts []string
	for message != "" {
		at := strings.IndexFunc(message, isMark)
		if at < 0 {
			break
		}
		_, size := utf8.DecodeRuneInString(message[at:])
		parts, message = append(parts, message[:at]), message[at+size:]
	}
	if len(parts) != 2 { // the text before the name, and the name
		return ""
	}
	return strings.TrimSpace(parts[1])
}
