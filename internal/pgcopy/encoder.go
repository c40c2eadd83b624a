package pgcopy

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"

	"github.com/jackc/pgx/v5/pgtype"
)

// A Column is a column of the target table.
type Column struct {
	Name string
	// OID of the type that is sent: for a domain, of its base type.
	OID uint32
	// Type is the type's name in SQL, without a length.
	Type string
	// NotNull refuses NULL before the row is sent. It must be false if a BEFORE
	// trigger may replace NULL.
	NotNull bool
	// Labels of the column's enum type; nil for other types.
	Labels []string
	// Text sends the value's text form, which the server parses: for [Arrays]
	// of arrays, which unnest would flatten, and for types unknown to the
	// connection.
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

// A column has the place of a value in a row and the function that appends it.
type column struct {
	Column
	field  Field
	append appendFunc
}

// An appendFunc appends the value at p: its length in four bytes and its
// bytes, or the length -1 for NULL. After an error the appended bytes are
// undefined.
type appendFunc func(buf []byte, p pointer) ([]byte, error)

// Compile compiles the encoder of fields[i] into columns[i], with the types
// registered in m. An error names the column whose field cannot be encoded.
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

// Portable reports whether e is independent of the type map it was compiled
// with.
func (e *Encoder[T]) Portable() bool { return e.portable }

// Append appends row as one tuple of a binary COPY. The error is a *[RowError]
// whose Row the caller must set; buf is then returned unchanged.
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

// A RowError reports a value that cannot be sent.
type RowError struct {
	Row        int64 // the row's place in its source, from 1; 0 if unknown
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

// notNull returns an error if fn appends NULL.
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
