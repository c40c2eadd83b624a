package batchinsert

import (
	"fmt"
	"strings"

	"github.com/headrace/headrace/internal/target"
)

// OnConflict says what Upsert does with rows that are in the table already.
type OnConflict struct {
	// Keys are the columns of the unique index by which rows are the same. For
	// an index on expressions, an expression in parentheses is taken as SQL:
	// "(lower(email))".
	Keys []string

	// Where is the predicate of the unique index, as SQL, where it is a
	// partial one: "deleted_at IS NULL". Rows that do not satisfy it are
	// inserted.
	Where string

	// Update names the columns that a row in the table takes over. Default:
	// all columns written, save the keys.
	Update []string

	// DoNothing leaves rows in the table as they are.
	DoNothing bool

	// Duplicates settles which of several rows with the same keys in one call
	// is written. Default: the last one.
	Duplicates Duplicates
}

// Duplicates says what becomes of rows of one call that have the same keys.
type Duplicates int

// The ways to settle duplicates.
const (
	KeepLast  Duplicates = iota // the last one wins, as if they were written one by one
	KeepFirst                   // the first one wins
	Refuse                      // they are an error, a *DuplicateError, and nothing is written
)

// A DuplicateError is two rows of one call with the same keys.
type DuplicateError struct {
	// First and Second are the places of two such rows in the source, from 1.
	First, Second int64
	Keys          []string
}

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("rows %d and %d have the same %s", e.First, e.Second, strings.Join(e.Keys, ", "))
}

// Counts says what became of the rows of an Upsert or UpdateMany.
type Counts struct {
	Inserted int64
	Updated  int64
	// Unchanged are in the table already, with the same bytes, and were not
	// written. With OnConflict.DoNothing they are all that were not inserted: the
	// server does not say for which of them the table has a row, whatever its
	// bytes, and which a trigger suppressed.
	Unchanged int64
	// Suppressed are rows that a BEFORE trigger kept from being inserted or
	// updated, by returning NULL, or that a rule wrote elsewhere. An Upsert of
	// fewer than 5,000 rows counts them as Unchanged where the trigger is newer
	// than what the Table knows of its columns.
	Suppressed int64
	// Duplicates were left out for another row of the call with their keys.
	Duplicates int64
	// Missing are rows that UpdateMany did not find in the table.
	Missing int64
}

// internal returns o as the machinery takes it.
func (o OnConflict) internal() (target.OnConflict, error) {
	switch {
	case o.Duplicates < 0:
		return target.OnConflict{}, notNegative("OnConflict", o)
	case o.Duplicates > Refuse:
		return target.OnConflict{}, fmt.Errorf("batchinsert: OnConflict.Duplicates: %d is not one of its constants", o.Duplicates)
	}
	out := target.OnConflict{Keys: o.Keys, Where: o.Where, Update: o.Update, DoNothing: o.DoNothing, KeepFirst: o.Duplicates == KeepFirst}
	if o.Duplicates == Refuse {
		out.Refuse = func(first, second int64) error {
			return &DuplicateError{First: first, Second: second, Keys: o.Keys}
		}
	}
	return out, nil
}
