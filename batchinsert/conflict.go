package batchinsert

import (
	"fmt"
	"strings"

	"github.com/headrace/headrace/internal/target"
)

// OnConflict defines how Upsert treats rows that exist in the table.
type OnConflict struct {
	// Keys are the columns of the unique index that identifies rows. A key in
	// parentheses is an SQL expression of the index: "(lower(email))".
	Keys []string

	// Where is the predicate of a partial unique index, as SQL: "deleted_at IS
	// NULL". Rows that do not satisfy it are inserted.
	Where string

	// Update names the columns that are updated in existing rows. Default: all
	// columns written, except the keys.
	Update []string

	// DoNothing leaves existing rows unchanged.
	DoNothing bool

	// Duplicates selects which of several rows with the same keys in one call
	// is written. Default: the last one.
	Duplicates Duplicates
}

// Duplicates defines how rows of one call with the same keys are treated.
type Duplicates int

// The treatments of duplicates.
const (
	KeepLast  Duplicates = iota // the last one is written, as if they were written one by one
	KeepFirst                   // the first one is written
	Refuse                      // duplicates are an error, a *DuplicateError, and nothing is written
)

// A DuplicateError reports two rows of one call with the same keys.
type DuplicateError struct {
	// First and Second are the places of the two rows in the source, from 1.
	First, Second int64
	Keys          []string
}

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("rows %d and %d have the same %s", e.First, e.Second, strings.Join(e.Keys, ", "))
}

// Counts are the numbers of rows of an Upsert or UpdateMany by outcome.
type Counts struct {
	Inserted int64
	Updated  int64
	// Unchanged rows exist in the table with the same bytes, and were not
	// written. With OnConflict.DoNothing they are all rows that were not
	// inserted: the server does not distinguish rows that exist, with any
	// values, from rows that a trigger suppressed.
	Unchanged int64
	// Suppressed rows were not inserted or updated because a BEFORE trigger
	// returned NULL, or because a rule wrote elsewhere. An Upsert of fewer than
	// 5,000 rows counts them as Unchanged if the trigger is newer than the
	// Table's knowledge of its columns.
	Suppressed int64
	// Duplicates were left out in favor of another row of the call with the
	// same keys.
	Duplicates int64
	// Missing rows were not found in the table by UpdateMany.
	Missing int64
}

// internal returns o for package target, or an error if it is invalid.
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
