package rowscan

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// ErrNoResultSet is returned when rows are read from a statement that returns
// no columns, such as an UPDATE without RETURNING.
var ErrNoResultSet = errors.New("statement returns no columns (is a RETURNING clause missing?)")

// A ColumnError reports that the value of a column did not fit its Go type.
type ColumnError struct {
	Column     string // name of the column, as the server sent it
	Field      string // path of the struct field, "Address.City"; empty if T is the value itself
	GoType     string // type of the field
	ServerType string // name of the server's type, or "OID n" if it is not registered
	Row        int64  // number of the row in this result, from 1; 0 if no row was read
	Err        error  // pgx's error for the value
}

// Error names the column, its type, the row, the field and the reason.
func (e *ColumnError) Error() string {
	into := e.GoType
	if e.Field != "" {
		into = "field " + e.Field + " (" + e.GoType + ")"
	}
	row := ""
	if e.Row > 0 {
		row = fmt.Sprintf(" of row %d", e.Row)
	}
	return fmt.Sprintf("column %q (%s)%s into %s: %v", e.Column, e.ServerType, row, into, e.Err)
}

// Unwrap returns pgx's error for the value.
func (e *ColumnError) Unwrap() error { return e.Err }

// A MismatchError reports that the columns of a result and the fields of a
// struct differ.
type MismatchError struct {
	GoType     string
	Missing    []MissingColumn
	Extra      []string // columns of the result without a field
	Duplicates []string // columns that occur more than once

	single bool // the result has a single column, without a field
}

// A MissingColumn is a column that the type wants and the result lacks.
type MissingColumn struct {
	Column string // its tag's name, or the field's in snake case
	Field  string // path of the struct field that wants it, "Address.City"
}

// Error lists the type, all columns concerned, and the fields without a column.
func (e *MismatchError) Error() string {
	var parts []string
	for _, part := range []struct {
		what  string
		names []string
	}{
		{"result has no column ", missing(e.Missing)},
		{"type has no field for column ", quoted(e.Extra)},
		{"result has more than one column ", quoted(e.Duplicates)},
	} {
		if len(part.names) > 0 {
			parts = append(parts, part.what+strings.Join(part.names, ", "))
		}
	}
	if e.single {
		parts = append(parts, "a struct takes columns by name: for the column as a whole use a field, or a type that scans it")
	}
	return "rows into " + e.GoType + ": " + strings.Join(parts, "; ")
}

func quoted(names []string) []string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(name)
	}
	return quoted
}

func missing(columns []MissingColumn) []string {
	texts := make([]string, len(columns))
	for i, c := range columns {
		texts[i] = strconv.Quote(c.Column) + " for field " + c.Field
	}
	return texts
}

// A TooManyRowsError reports that a result has more rows than its reader
// allows. It wraps pgx.ErrTooManyRows.
type TooManyRowsError struct {
	Max int // the bound that was exceeded
}

// Error includes the bound.
func (e *TooManyRowsError) Error() string {
	return fmt.Sprintf("result has more than %d rows", e.Max)
}

// Unwrap returns pgx.ErrTooManyRows.
func (e *TooManyRowsError) Unwrap() error { return pgx.ErrTooManyRows }

// A TypeError reports why no rows can be decoded into a Go type.
type TypeError struct {
	GoType reflect.Type
	Field  string // path of the invalid field; empty if the type itself is invalid
	Reason string
}

// Error names the type, the field and the reason.
func (e *TypeError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("rows into %v: %s", e.GoType, e.Reason)
	}
	return fmt.Sprintf("rows into %v: field %s: %s", e.GoType, e.Field, e.Reason)
}
