package keyset

import (
	"errors"
	"fmt"
	"strings"
)

// Nulls is the position of a key's NULLs in the order.
type Nulls uint8

// The values of Nulls. The zero value is PostgreSQL's default: last in
// ascending order, first in descending order.
const (
	NullsDefault Nulls = iota
	NullsFirst
	NullsLast
)

// A Key is one column of the order of pages.
type Key struct {
	Column   string // name of the column in the statement's result, as the server reports it, unquoted
	Desc     bool
	Nulls    Nulls
	Nullable bool // the column may hold NULL in the statement's result
}

// nullsLast reports whether NULLs come after the values when reading forward.
func (k Key) nullsLast() bool {
	switch k.Nulls {
	case NullsFirst:
		return false
	case NullsLast:
		return true
	default:
		return !k.Desc
	}
}

// reversed returns the key for reading backward.
func (k Key) reversed() Key {
	r := k
	r.Desc = !k.Desc
	switch k.Nulls {
	case NullsFirst:
		r.Nulls = NullsLast
	case NullsLast:
		r.Nulls = NullsFirst
	case NullsDefault: // the default reverses with the direction
	}
	return r
}

// MaxKeys is the largest number of keys of an order.
const MaxKeys = 32

// Check returns an error if keys cannot be an order.
func Check(keys []Key) error {
	if len(keys) == 0 {
		return errors.New("no keys to order by")
	}
	if len(keys) > MaxKeys {
		return fmt.Errorf("%d keys to order by, more than %d", len(keys), MaxKeys)
	}
	for i, k := range keys {
		if k.Column == "" {
			return fmt.Errorf("key %d has no column", i+1)
		}
		if strings.IndexByte(k.Column, 0) >= 0 {
			return fmt.Errorf("key %d: column name %q holds a zero byte", i+1, k.Column)
		}
		for j := range i {
			if keys[j].Column == k.Column {
				return fmt.Errorf("column %q is a key twice", k.Column)
			}
		}
	}
	return nil
}

// A Value is a key's value in one row, in the text form that the server reads
// back to exactly the same value.
type Value struct {
	Type uint32 // type OID, as described with the row
	Null bool
	Text string
}

// firstUserType is the first OID of types that are not built in
// (FirstNormalObjectId).
const firstUserType = 16384

// A Position is a position between rows, and the direction in which to read on
// from it.
type Position struct {
	Values    []Value // the keys of the row next to the position
	Backward  bool    // towards the beginning
	Inclusive bool    // that row belongs to the page
	// Tied is the number of leading keys, one of [Walks], that so many rows
	// share with the row next to the position that the index should skip them;
	// 0 for none. It affects the plan, never the rows.
	Tied int
	// Compare reports that there were rows that differ in the bytes of their
	// keys but may be equal to the server, so that the query has to compare
	// them. It adds a column to the query, and never affects the rows.
	Compare bool
	// Zones are the [Binding.Zones] of the arguments, nil if all are UTC.
	Zones []int
}

// A Statement is a statement to page through, split into parts.
type Statement struct {
	With   string // leading WITH clause, or ""; it stays outside of the subquery
	Body   string // the statement without With, semicolon and outermost ORDER BY
	Params int    // number of the highest parameter in use, $Params
}
