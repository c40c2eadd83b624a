package batchinsert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

func (c *Counts) add(more Counts) {
	c.Inserted += more.Inserted
	c.Updated += more.Updated
	c.Unchanged += more.Unchanged
	c.Suppressed += more.Suppressed
	c.Duplicates += more.Duplicates
	c.Missing += more.Missing
}

// A conflict is an OnConflict for a table.
type conflict struct {
	OnConflict
	keys []string // SQL over the columns written
	// apart is SQL for "this row meets no other": it is true where a key is
	// NULL, which a unique index takes for different from any NULL, or where
	// the partial index does not hold the row. Empty if that cannot be.
	apart   string
	update  []*tableColumn
	indexes []uniqueIndex // of the table
}

// conflictFor checks what the caller asks for against the table of m.
func conflictFor(ctx context.Context, q querier, on OnConflict, m *match) (*conflict, error) {
	c, err := conflictOn(on, m)
	if err != nil {
		return nil, err
	}
	if err := c.readApart(ctx, q, m); err != nil {
		return nil, err
	}
	return c, c.checkArbiter(m)
}

// conflictOn checks the names that the caller gives.
func conflictOn(on OnConflict, m *match) (*conflict, error) {
	if len(on.Keys) == 0 {
		return nil, errors.New("OnConflict.Keys is empty")
	}
	c := &conflict{OnConflict: on}
	for _, key := range on.Keys {
		if isExpression(key) {
			c.keys = append(c.keys, key)
			continue
		}
		if m.written(key) == nil {
			return nil, fmt.Errorf("OnConflict.Keys names %q, which is not written; written are %s", key, m.list(""))
		}
		c.keys = append(c.keys, quote(key))
	}
	for _, name := range on.Update {
		col := m.written(name)
		if col == nil {
			return nil, fmt.Errorf("OnConflict.Update names %q, which is not written; written are %s", name, m.list(""))
		}
		c.update = append(c.update, col)
	}
	if on.Update == nil {
		c.update = slices.DeleteFunc(slices.Clone(m.columns), func(col *tableColumn) bool { return slices.Contains(on.Keys, col.name) })
	}
	if on.DoNothing {
		c.update = nil
	}
	return c, nil
}

// written returns the column of this name if it is written.
func (m *match) written(name string) *tableColumn {
	c := m.schema.column(name)
	if c == nil || !slices.Contains(m.columns, c) {
		return nil
	}
	return c
}

// readApart reads the table's unique indexes, and finds out which rows meet no
// other. NULLs are different in a unique index unless it was made NULLS NOT
// DISTINCT; that is asked each time, because rows would be left out by an index
// that is not any more as it was.
func (c *conflict) readApart(ctx context.Context, q querier, m *match) (err error) {
	var conditions []string
	if c.Where != "" {
		conditions = append(conditions, "("+c.Where+") IS NOT TRUE")
	}
	nullable := false
	for i, key := range c.Keys {
		if col := m.written(key); col == nil || !col.notNull {
			conditions = append(conditions, c.keys[i]+" IS NULL")
			nullable = true
		}
	}
	if !nullable {
		c.indexes, err = m.schema.knownUnique(ctx, q)
	} else if c.indexes, err = m.schema.readUnique(ctx, q); err == nil {
		nullsSame := func(i uniqueIndex) bool { return i.nullsSame && i.fitsExactly(c.Keys, c.Where) }
		if slices.ContainsFunc(c.indexes, nullsSame) {
			conditions = slices.DeleteFunc(conditions, func(s string) bool { return strings.HasSuffix(s, " IS NULL") })
		}
	}
	c.apart = strings.Join(conditions, " OR ")
	return err
}
