package keyset

import (
	"errors"
	"fmt"
	"strings"
)

// Nulls says where the NULLs of a key stand in the order.
type Nulls uint8

// The zero value is PostgreSQL's default: after all values in ascending order, before them in descending order.
const (
	NullsDefault Nulls = iota
	NullsFirst
	NullsLast
)

// Key is one column of the order that pages go through.
type Key struct {
	Column   string // name of the column in the statement's result, as the server reports it, unquoted
	Desc     bool
	Nulls    Nulls
	Nullable bool // the column may hold NULL in the statement's result
}

// nullsLast tells whether NULLs come after the values when reading forward.
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

// reversed is the key as it is read backward.
func (k Key) reversed() Key {
	r := k
	r.Desc = !k.Desc
	switch k.Nulls {
	case NullsFirst:
		r.Nulls = NullsLast
	case NullsLast:
		r.Nulls = NullsFirst
	case NullsDefault: // the default turns round with the direction
	}
	return r
}

// MaxKeys is the largest number of keys of an order.
const MaxKeys = 32

// Check tells what makes keys unusable as an order.
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

// Value is a key's value in one row, in the text form that the server reads back to exactly the same value.
type Value struct {
	Type uint32 // type OID, as described with the row
	Null bool
	Text string
}

// firstOwnType is the first OID that the server gives to types that are not its own (FirstNormalObjectId).
const firstOwnType = 16384

// Position is a place between rows, and the direction in which to read on from it.
type Position struct {
	Values    []Value // the keys of the row beside the place
	Backward  bool    // towards the beginning
	Inclusive bool    // the row itself belongs to the page
	// Tied is the number of leading keys, one of [Walks], which more rows than are worth walking through share with the
	// row beside the place, so that those are to be skipped by the index; 0 for none. It changes the plan, never the
	// rows.
	Tied int
	// Compare tells that rows were met which the bytes of their keys tell apart but the server may not, so that it has
	// to be asked. It adds a column to the query, never changes the rows.
	Compare bool
	// Zones are [Binding.Zones] of the arguments, nil where all are UTC.
	Zones []int
}

// Statement is the statement that is paged through, taken apart.
type Statement struct {
	With   string // leading WITH clause without the statement behind it, or ""; it must not sit inside the subquery
	Body   string // the statement without With, semicolon and outermost ORDER BY
	Params int    // number of the highest parameter in use, $Params
}
