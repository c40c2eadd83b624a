package advise

import (
	"context"
	"fmt"
	"slices"

	"github.com/headrace/headrace/internal/sqltext"
)

// referencesQuery returns the tables, as schema and name, whose foreign keys
// refer to a table.
const referencesQuery = `
SELECT json_agg(DISTINCT jsonb_build_array(n.nspname, c.relname))
FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE f.contype = 'f' AND f.confrelid = $1::int8::oid AND c.relkind = 'r'`

// foreignKeys reports foreign keys to the table of the deleted rows that have no
// index: each deleted row then reads the whole referencing table.
func (q *inquiry) foreignKeys(ctx context.Context, st subject) error {
	if st.text.Kind != sqltext.Delete || q.root.NodeType != "ModifyTable" {
		return nil
	}
	target := q.tables[[2]string{q.root.Schema, q.root.Relation}]
	if target == nil {
		return nil
	}
	var names [][2]string
	if err := q.inCatalog(ctx, referencesQuery, &names, fmt.Sprint(target.OID)); err != nil {
		return err
	}
	tables, err := q.session.tables(ctx, names)
	if err != nil {
		return err
	}
	for _, name := range names {
		t := tables[name]
		if t == nil {
			continue
		}
		for _, fk := range t.ForeignKeys {
			if fk.Referenced != target.label() {
				continue
			}
			a, ok := fk.advice(t)
			if !ok {
				continue
			}
			a.CostBefore, a.CostAfter, err = q.checkCost(ctx, t, fk)
			if err != nil {
				return err
			}
			if a.CostAfter*minGain > a.CostBefore {
				continue
			}
			a.Evidence += fmt.Sprintf(" Cost for each deleted row: %s now, %s with the index (estimated, not tried).", number(a.CostBefore), number(a.CostAfter))
			q.advice = append(q.advice, a)
		}
	}
	return nil
}

// advice returns the advice for a foreign key of t without an index. ok is
// false if there is an index, or the table is small.
func (fk *foreignKey) advice(t *table) (a Advice, ok bool) {
	if t.Pages < minPages || t.isCovered(fk.Columns) || t.hasPartialFor(fk.Columns) {
		return a, false
	}
	create := "CREATE INDEX CONCURRENTLY ON "
	if t.Root != "" {
		create = "CREATE INDEX ON "
	}
	return Advice{
		Kind: ForeignKeyIndex, Table: t.label(),
		Title:    "Foreign key " + quoted(fk.Name) + " of " + t.label() + " has no index",
		Evidence: fmt.Sprintf("Each row that is deleted from %s, or whose key changes, reads all %s pages of %s to look for references.", fk.Referenced, number(t.Pages), t.label()),
		Do:       "Create the index, unless rows of " + fk.Referenced + " are never deleted and their keys never change.",
		SQL:      create + t.label() + " (" + quotedAll(fk.Columns) + ")",
	}, true
}

// hasPartialFor reports whether an index WHERE column IS NOT NULL serves the
// lookup: a foreign key never looks for NULL.
func (t *table) hasPartialFor(columns []string) bool {
	return len(columns) == 1 && slices.ContainsFunc(t.Indexes, func(x index) bool {
		return x.leads(columns[0]) && x.Predicate == "("+quoted(columns[0])+" IS NOT NULL)"
	})
}

// checkCost returns the cost of looking for references to one row, now and with
// an index.
func (q *inquiry) checkCost(ctx context.Context, t *table, fk foreignKey) (before, after float64, err error) {
	sc := &scan{node: &plan{Alias: "x"}, table: t}
	if sc.tuples, err = q.rows(ctx, sc, nil); err != nil {
		return 0, 0, err
	}
	var where []condition
	c := choice{indexed: 1}
	for _, name := range fk.Columns {
		where = append(where, condition{op: equal, column: name, foreign: true})
		c.keys = append(c.keys, indexKey{Column: name})
	}
	matched, err := q.rows(ctx, sc, where)
	if err != nil || matched < 0 {
		return 0, 0, err
	}
	text, params := renumbered(where, func(c condition) string { return "x." + quoted(c.column) })
	found, err := q.explained(ctx, "SELECT FROM ONLY "+qualified(t.Schema, t.Name)+" AS x WHERE "+text, params)
	if err != nil {
		return 0, 0, refusalsOnly(err)
	}
	return found.TotalCost, q.costs.cost(sc.lookup(&c, max(matched, 1))), nil
}
