package paging

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/keyset"
)

// Rows are the rows of a page as they are decoded. They stop at the limit,
// record the keys for cursors, and detect rows that the order does not
// distinguish. Like all pgx.Rows they belong to one goroutine.
type Rows struct {
	pgx.Rows // pgx adds methods in minor releases: embedded on purpose
	keys     []keyset.Key
	limit    int
	from     *keyset.Position // position of the page; nil or without values at either end

	columns  []column // of the keys
	index    []int    // of the keys among the row's columns
	n        int      // rows handed on
	more     bool     // another row follows the page
	compared bool     // the last column reports whether a row equals the previous one
	unsure   bool     // two rows with different bytes may be equal to the server
	failed   error

	first, last, next rowKeys
	ties              []tie       // one for each of keyset.Walks
	room              [3]struct { // inline memory, enough for the keys of most rows
		bytes [64]byte
		ends  [4]int
	}
}

// NewRows returns the rows of a page of st that begins at from and has up to
// limit rows. compared reports that the last column shows whether a row equals
// the previous one.
func NewRows(rows pgx.Rows, st *Statement, limit int, from *keyset.Position, compared bool) *Rows {
	r := &Rows{Rows: rows, keys: st.Keys, limit: limit, from: from, compared: compared}
	for i, k := range []*rowKeys{&r.first, &r.last, &r.next} {
		k.bytes, k.ends = r.room[i].bytes[:0], r.room[i].ends[:0]
	}
	r.index = make([]int, 0, len(r.keys))
	return r
}

// More reports whether another row follows the page.
func (r *Rows) More() bool { return r.more }

// Unsure reports whether two rows with different bytes may be equal to the
// server.
func (r *Rows) Unsure() bool { return r.unsure }

// Failed returns the error that makes the rows unusable as a page, or nil.
func (r *Rows) Failed() error { return r.failed }

// Next advances to the next row of the page; see [pgx.Rows].
func (r *Rows) Next() bool {
	if r.failed != nil || !r.Rows.Next() {
		return false
	}
	if err := r.note(); err != nil {
		r.failed = err
		r.Close()
		return false
	}
	if r.n == r.limit {
		r.more = true
		r.Close()
		return false
	}
	r.n++
	return true
}

// note records the keys of the current row.
func (r *Rows) note() error {
	if r.columns == nil {
		r.columns = make([]column, 0, len(r.keys))
		if err := r.find(); err != nil {
			return err
		}
	}
	r.next.set(r.RawValues(), r.index)
	if err := r.checkNulls(); err != nil {
		return err
	}
	if r.n == 0 {
		r.first.set(r.RawValues(), r.index)
		r.last, r.next = r.next, r.last
		for _, keys := range keyset.Walks(r.keys) {
			r.ties = append(r.ties, tie{keys, 1, 1})
		}
		return nil
	}
	if r.equal() {
		return fmt.Errorf("two rows are equal in all keys (%s): add a unique column, such as the primary key, as the last key", r.names())
	}
	if r.n == r.limit {
		return nil // not on this page
	}
	for i := range r.ties {
		r.ties[i].count(&r.first, &r.last, &r.next, r.n)
	}
	r.last, r.next = r.next, r.last
	return nil
}

// equal reports whether the current row equals the last one in all keys, or
// records that it may.
func (r *Rows) equal() bool {
	if r.compared {
		values := r.Rows.RawValues()
		equal := values[len(values)-1]
		return len(equal) == 1 && (equal[0] == 1 || equal[0] == 't')
	}
	sure := true
	for i, column := range r.columns {
		switch {
		case r.next.null(i) != r.last.null(i):
			return false
		case bytes.Equal(r.next.value(i), r.last.value(i)):
		case column.exact:
			return false
		default:
			sure = false
		}
	}
	r.unsure = r.unsure || !sure
	return sure
}

// A tie counts the rows that share some leading keys with the first and
// with the last row of a page.
type tie struct{ keys, leading, trailing int }

// count adds the row next, which comes after n others.
func (t *tie) count(first, last, next *rowKeys, n int) {
	if t.leading == n && next.same(first, t.keys) {
		t.leading++
	}
	if next.same(last, t.keys) {
		t.trailing++
	} else {
		t.trailing = 1
	}
}

// FieldDescriptions describes the statement's columns; see [pgx.Rows].
func (r *Rows) FieldDescriptions() []pgconn.FieldDescription {
	return ownColumns(r.Rows.FieldDescriptions(), r.compared)
}

// RawValues returns the values of the statement's columns; see [pgx.Rows].
func (r *Rows) RawValues() [][]byte { return ownColumns(r.Rows.RawValues(), r.compared) }

// Values returns the values of the statement's columns; see [pgx.Rows].
func (r *Rows) Values() ([]any, error) {
	values, err := r.Rows.Values()
	return ownColumns(values, r.compared), err
}

// Scan reads the values of the statement's columns; see [pgx.Rows].
func (r *Rows) Scan(dest ...any) error {
	if !r.compared {
		return r.Rows.Scan(dest...)
	}
	if len(dest) == 1 {
		if row, ok := dest[0].(pgx.RowScanner); ok {
			return row.ScanRow(r)
		}
	}
	return r.Rows.Scan(append(slices.Clip(dest), nil)...) // pgx skips a column with target nil
}

// ownColumns removes the column that was added to the statement's.
func ownColumns[T any](all []T, compared bool) []T {
	if compared && len(all) > 0 {
		return all[:len(all)-1]
	}
	return all
}

// find finds the keys among the row's columns.
func (r *Rows) find() error {
	fields := r.FieldDescriptions()
	for i, f := range fields {
		for _, other := range fields[:i] {
			if f.Name == other.Name {
				return fmt.Errorf("column %q occurs twice: give each column a distinct name", f.Name)
			}
		}
	}
	for k, key := range r.keys {
		i := slices.IndexFunc(fields, func(f pgconn.FieldDescription) bool { return f.Name == key.Column })
		if i < 0 {
			return fmt.Errorf("key %q is not a column of the result", key.Column)
		}
		if from := r.from; from != nil && len(from.Values) > 0 && from.Values[k].Type != fields[i].DataTypeOID {
			return fmt.Errorf("%w: the type of column %q has changed", ErrBadCursor, key.Column)
		}
		r.index = append(r.index, i)
		r.columns = append(r.columns, newColumn(fields[i], r.TypeMap()))
	}
	return nil
}

// checkNulls rejects a NULL in a key that is declared to have none: the
// conditions of pages would lose such rows.
func (r *Rows) checkNulls() error {
	for i, key := range r.keys {
		switch {
		case r.next.null(i) && !key.Nullable && i == len(r.keys)-1:
			return fmt.Errorf("key %q is NULL in a row: the last key must be unique and not NULL", key.Column)
		case r.next.null(i) && !key.Nullable:
			return fmt.Errorf("key %q is NULL in a row, although it is marked NotNull", key.Column)
		}
	}
	return nil
}

func (r *Rows) names() string {
	var b bytes.Buffer
	for i, k := range r.keys {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(k.Column)
	}
	return b.String()
}
