package pgcopy

import (
	"encoding/binary"
	"slices"

	"github.com/jackc/pgx/v5/pgtype"
)

// Arrays collects rows column by column, as the arguments of
// INSERT ... SELECT FROM unnest($1, $2, ...): each column is one array, which
// any number of rows fill without changing the statement's text.
//
// Add rows, take [Arrays.Args] for one statement, then Reset. The zero value
// is not usable.
type Arrays[T any] struct {
	encoder *Encoder[T]
	columns []Raw
	args    []any
	rows    int
	size    int
}

// NewArrays returns an empty collection. Where encoder is not portable, nor is
// the collection.
func NewArrays[T any](encoder *Encoder[T]) *Arrays[T] {
	a := &Arrays[T]{encoder: encoder, columns: make([]Raw, len(encoder.columns)), args: make([]any, len(encoder.columns))}
	for i := range a.columns {
		a.args[i] = &a.columns[i]
	}
	a.Reset()
	return a
}

// Add appends the values of row. On an error, a *[RowError] without a row
// number, the collection holds the rows that it held before.
func (a *Arrays[T]) Add(row *T) error {
	p := addressOf(row)
	for i := range a.columns {
		c, to := &a.encoder.columns[i], &a.columns[i]
		to.complete = len(to.bytes)
		out, err := c.append(to.bytes, field(p, c.field.offset))
		if err != nil {
			a.undo(i)
			return c.failed(err)
		}
		to.bytes = out
	}
	for i := range a.columns {
		a.size += len(a.columns[i].bytes) - a.columns[i].complete
	}
	a.rows++
	return nil
}

// undo takes back what a row added to the first n columns.
func (a *Arrays[T]) undo(n int) {
	for i := range n {
		to := &a.columns[i]
		to.bytes = to.bytes[:to.complete]
	}
}

// Len returns the number of rows.
func (a *Arrays[T]) Len() int { return a.rows }

// Size returns the number of bytes of all rows.
func (a *Arrays[T]) Size() int { return a.size }

// Cap returns the number of bytes that the buffers hold.
func (a *Arrays[T]) Cap() int {
	n := 0
	for i := range a.columns {
		n += cap(a.columns[i].bytes)
	}
	return n
}

// Args returns one argument per column. They are for one connection, whose
// type map has to have been given to [Accept], and valid until Add or Reset.
func (a *Arrays[T]) Args() []any {
	rest := 0
	for i := len(a.columns) - 1; i >= 0; i-- {
		c := &a.columns[i]
		binary.BigEndian.PutUint32(c.bytes[lengthAt:], uint32(a.rows))
		rest += len(c.bytes)
		c.rest = rest
	}
	return a.args
}

// Reset empties the collection and keeps its buffers.
func (a *Arrays[T]) Reset() {
	a.rows, a.size = 0, 0
	for i := range a.columns {
		c := &a.encoder.columns[i]
		a.columns[i].bytes = appendArrayHeader(a.columns[i].bytes[:0], c.elementOID(), 0)
	}
}

// lengthAt is the place of the number of elements in an array's header.
const lengthAt = 12

// elementOID is the type that a column's array has elements of: text where the
// server is to read the value from its text, enum labels among them.
func (c *Column) elementOID() uint32 {
	if c.Labels != nil || c.Text {
		return pgtype.TextOID
	}
	return c.OID
}

// Raw is an argument whose binary form is known already. A connection takes it
// once its type map was given to [Accept].
type Raw struct {
	bytes    []byte
	complete int // length before the row that is being added
	rest     int // bytes of this column and those after it
}

// Accept makes m take [Raw] values for arrays. It is cheap where m does so
// already. The map belongs to a connection, so its holder may change it.
// Statements have to run in an execution mode that sends arguments in binary:
// not QueryExecModeExec, not QueryExecModeSimpleProtocol.
func Accept(m *pgtype.Map) {
	if m.PlanEncode(pgtype.Int8ArrayOID, pgtype.BinaryFormatCode, (*Raw)(nil)) != nil {
		return
	}
	m.TryWrapEncodePlanFuncs = append([]pgtype.TryWrapEncodePlanFunc{wrapRaw}, m.TryWrapEncodePlanFuncs...)
}

// wrapRaw offers a plan for *Raw. pgx wants a next value with a plan of its
// own: an array of anything has one for every array type.
func wrapRaw(v any) (pgtype.WrappedEncodePlanNextSetter, any, bool) {
	if _, ok := v.(*Raw); !ok {
		return nil, nil, false
	}
	return rawPlan{}, pgtype.Array[any]{}, true
}

type rawPlan struct{}

func (rawPlan) SetNext(pgtype.EncodePlan) {}

func (rawPlan) Encode(v any, buf []byte) ([]byte, error) {
	raw := v.(*Raw)
	// pgx collects arguments in one buffer: let it grow once.
	return append(slices.Grow(buf, raw.rest), raw.bytes...), nil
}
