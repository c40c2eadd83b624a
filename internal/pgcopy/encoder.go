package pgcopy

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"

	"github.com/jackc/pgx/v5/pgtype"
)

// A Column is a column of the table that rows go to.
type Column struct {
	Name string
	// OID of the type that travels: for a domain, of its base type.
	OID uint32
	// Type is the type's name as SQL writes it, without a length.
	Type string
	// NotNull refuses NULL here, before the row is sent. Leave it false where
	// the server may still fill the column (a BEFORE trigger).
	NotNull bool
	// Labels of the column's enum type; nil for other types.
	Labels []string
	// Text sends the value's text form, for the server to read. For arrays of
	// values (see [Arrays]) that are arrays themselves, which unnest would
	// flatten, and for types that the connection does not know.
	Text bool
}

// An Encoder appends rows of type T in the binary form of the columns it was
// compiled for. It is immutable. It may be used by several goroutines at once
// and for any connection if it is [Encoder.Portable], else by one at a time
// and for the connection whose type map it was compiled with.
type Encoder[T any] struct {
	layout
	portable bool
}

// A layout is where a row's values lie and how they are appended.
type layout struct {
	columns []column
	steps   []step // one for each column
}

// A column knows where a value lies in a row and how to append it.
type column struct {
	Column
	field  Field
	append appendFunc
}

// An appendFunc appends the value at p: its length in four bytes and its
// bytes, or the length -1 for NULL. After an error what was appended means
// nothing.
type appendFunc func(buf []byte, p pointer) ([]byte, error)

// Compile plans how fields[i] goes to columns[i], by the types registered in
// m. An error names the column for which there is no way.
func Compile[T any](m *pgtype.Map, columns []Column, fields []Field) (*Encoder[T], error) {
	if len(columns) == 0 || len(columns) != len(fields) || len(columns) > math.MaxInt16 {
		return nil, fmt.Errorf("encode %v: %d columns for %d fields", reflect.TypeFor[T](), len(columns), len(fields))
	}
	e := &Encoder[T]{portable: true}
	p := planner{m: m}
	for i, c := range columns {
		fn, err := p.plan(fields[i].Type, c)
		if err != nil {
			return nil, &RowError{Column: c.Name, Field: fields[i].Name, GoType: fields[i].Type.String(), ServerType: c.Type, Err: err}
		}
		if c.NotNull {
			fn = notNull(fn)
		}
		f, isPointer := p.formOf(fields[i].Type, c)
		e.columns = append(e.columns, column{Column: c, field: fields[i], append: fn})
		e.steps = append(e.steps, step{offset: fields[i].offset, form: f, pointer: isPointer, notNull: c.NotNull})
	}
	e.portable = !p.generic
	return e, nil
}

// Portable says that e keeps nothing of the type map it was compiled with.
func (e *Encoder[T]) Portable() bool { return e.portable }

// Append appends row as one tuple of a binary COPY. The error is a *[RowError]
// whose Row is left to the caller; buf then comes back as it was given.
func (e *Encoder[T]) Append(buf []byte, row *T) ([]byte, error) {
	largest := 0
	out, _, _, err := e.run(buf, addressOf(row), 0, 1, math.MaxInt, &largest)
	if err != nil {
		return buf, err
	}
	return out, nil
}

func (c *column) failed(err error) *RowError {
	return &RowError{
		Column: c.Name, Field: c.field.Name, GoType: c.field.Type.String(), ServerType: c.Type, Err: err,
	}
}

// A RowError says which value of which row cannot be sent, and why.
type RowError struct {
	Row        int64 // the row's place in its source, from 1; 0 where no row is meant
	Column     string
	Field      string // Go name of the field
	GoType     string
	ServerType string
	Err        error
}

func (e *RowError) Error() string {
	where := ""
	if e.Row > 0 {
		where = fmt.Sprintf("row %d: ", e.Row)
	}
	return fmt.Sprintf("%scolumn %q: field %s (%s) into %s: %v", where, e.Column, e.Field, e.GoType, e.ServerType, e.Err)
}

func (e *RowError) Unwrap() error { return e.Err }

var null = []byte{0xff, 0xff, 0xff, 0xff}

func appendNull(buf []byte) []byte { return append(buf, null...) }

// notNull refuses a NULL that fn appended.
func notNull(fn appendFunc) appendFunc {
	return func(buf []byte, p pointer) ([]byte, error) {
		start := len(buf)
		buf, err := fn(buf, p)
		if err == nil && int32(binary.BigEndian.Uint32(buf[start:])) == -1 {
			return nil, errNull
		}
		return buf, err
	}
}
