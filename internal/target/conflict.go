package target

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// OnConflict defines how rows are written that conflict with rows in the table.
// See batchinsert.OnConflict.
type OnConflict struct {
	Keys      []string
	Where     string
	Update    []string
	DoNothing bool
	// KeepFirst selects the first of several rows with the same keys, instead
	// of the last.
	KeepFirst bool
	// Refuse, if not nil, returns the error for two rows with the same keys,
	// given their places in the source.
	Refuse func(first, second int64) error
}

// Counts are numbers of rows. See batchinsert.Counts.
type Counts struct {
	Inserted, Updated, Unchanged, Suppressed, Duplicates, Missing int64
}

// Add adds more to c.
func (c *Counts) Add(more Counts) {
	c.Inserted += more.Inserted
	c.Updated += more.Updated
	c.Unchanged += more.Unchanged
	c.Suppressed += more.Suppressed
	c.Duplicates += more.Duplicates
	c.Missing += more.Missing
}

// A Conflict is an OnConflict that has been checked against a table.
type Conflict struct {
	OnConflict
	keys []string // SQL over the columns written
	// exempt is an SQL condition for rows that conflict with no other row: a
	// key is NULL, which a unique index treats as distinct from every NULL, or
	// the partial index does not contain the row. Empty if no row is exempt.
	exempt  string
	update  []*Column
	indexes []uniqueIndex // of the table
}

// ConflictFor checks on against the table of m.
func ConflictFor(ctx context.Context, q querier, on OnConflict, m *Match) (*Conflict, error) {
	c, err := conflictOn(on, m)
	if err != nil {
		return nil, err
	}
	if err := c.readExempt(ctx, q, m); err != nil {
		return nil, err
	}
	return c, c.checkArbiter(m)
}

// conflictOn checks the names of columns in on.
func conflictOn(on OnConflict, m *Match) (*Conflict, error) {
	if len(on.Keys) == 0 {
		return nil, errors.New("OnConflict.Keys is empty")
	}
	c := &Conflict{OnConflict: on}
	for _, key := range on.Keys {
		if isExpression(key) {
			c.keys = append(c.keys, key)
			continue
		}
		if m.written(key) == nil {
			return nil, fmt.Errorf("OnConflict.Keys names %q, which is not written; written are %s", key, m.List(""))
		}
		c.keys = append(c.keys, Quote(key))
	}
	for _, name := range on.Update {
		col := m.written(name)
		if col == nil {
			return nil, fmt.Errorf("OnConflict.Update names %q, which is not written; written are %s", name, m.List(""))
		}
		c.update = append(c.update, col)
	}
	if on.Update == nil {
		c.update = slices.DeleteFunc(slices.Clone(m.Columns), func(col *Column) bool { return slices.Contains(on.Keys, col.Name) })
	}
	if on.DoNothing {
		c.update = nil
	}
	return c, nil
}

// written returns the column of this name, or nil if it is not written.
func (m *Match) written(name string) *Column {
	c := m.Schema.Column(name)
	if c == nil || !slices.Contains(m.Columns, c) {
		return nil
	}
	return c
}

// readExempt reads the table's unique indexes and sets c.exempt. NULLs are
// distinct in a unique index unless it is NULLS NOT DISTINCT. That is read each
// time: with outdated knowledge, rows would be taken for duplicates and left
// out.
func (c *Conflict) readExempt(ctx context.Context, q querier, m *Match) (err error) {
	var conditions []string
	if c.Where != "" {
		conditions = append(conditions, "("+c.Where+") IS NOT TRUE")
	}
	nullable := false
	for i, key := range c.Keys {
		if col := m.written(key); col == nil || !col.NotNull {
			conditions = append(conditions, c.keys[i]+" IS NULL")
			nullable = true
		}
	}
	if !nullable {
		c.indexes, err = m.Schema.knownUnique(ctx, q)
	} else if c.indexes, err = m.Schema.readUnique(ctx, q); err == nil {
		nullsSame := func(i uniqueIndex) bool { return i.nullsSame && i.fitsExactly(c.Keys, c.Where) }
		if slices.ContainsFunc(c.indexes, nullsSame) {
			conditions = slices.DeleteFunc(conditions, func(s string) bool { return strings.HasSuffix(s, " IS NULL") })
		}
	}
	c.exempt = strings.Join(conditions, " OR ")
	return err
}
