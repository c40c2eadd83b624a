package advise

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// An inquiry looks for what would make one plan cheaper.
type inquiry struct {
	*session
	root    *plan
	tables  map[[2]string]*table
	known   map[string]float64 // row estimates that were asked for, by query
	returns float64            // rows that a call returns on average, 0 if unknown; for plans that do not know the LIMIT

	proposals []proposal
	advice    []Advice
}

// A scan is a node that reads a table, with all conditions on the table.
type scan struct {
	node       *plan
	table      *table
	tuples     float64 // of the table
	conditions []condition
}

func newInquiry(ctx context.Context, s *session, root *plan) (*inquiry, error) {
	q := &inquiry{session: s, root: root, known: make(map[string]float64)}
	var names [][2]string
	root.walk(func(n *plan) {
		if name := [2]string{n.Schema, n.Relation}; n.Relation != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	})
	var err error
	q.tables, err = s.tables(ctx, names)
	return q, err
}

// scans returns the nodes that read a table large enough for advice.
func (q *inquiry) scans(ctx context.Context) ([]*scan, error) {
	var nodes []*plan
	q.root.walk(func(n *plan) {
		if t := q.tables[[2]string{n.Schema, n.Relation}]; n.isScan() && t != nil && t.Pages >= minPages {
			nodes = append(nodes, n)
		}
	})
	var out []*scan
	for _, n := range nodes {
		sc := &scan{node: n, table: q.tables[[2]string{n.Schema, n.Relation}]}
		for _, text := range []string{firstOf(n.IndexCond, n.RecheckCond), n.Filter} {
			sc.conditions = append(sc.conditions, conditions(text, n.Alias)...)
		}
		var err error
		if sc.tuples, err = q.rows(ctx, sc, nil); err != nil {
			return nil, err
		}
		if sc.tuples > 0 {
			out = append(out, sc)
		}
	}
	return out, nil
}

// unknownRows is the result of rows where the server gives no estimate.
const unknownRows = -1

// rows returns the planner's estimate of the rows of a table that meet the
// conditions, or unknownRows.
func (q *inquiry) rows(ctx context.Context, sc *scan, all []condition) (float64, error) {
	sql := "SELECT FROM ONLY " + qualified(sc.table.Schema, sc.table.Name) + " AS " + quoted(sc.node.Alias)
	where, params := renumbered(all, func(c condition) string { return quoted(sc.node.Alias) + "." + quoted(c.column) })
	if where != "" {
		sql += " WHERE " + where
	}
	if n, ok := q.known[sql]; ok {
		return n, nil
	}
	n, err := unknownRows, error(nil)
	found, err := q.explained(ctx, sql, params)
	switch {
	case err == nil:
		q.known[sql] = found.Rows
		return found.Rows, nil
	case isRefusal(err):
		q.known[sql] = float64(n)
		return float64(n), nil
	}
	return 0, err
}

// explained returns the generic plan of a query of this package.
func (q *inquiry) explained(ctx context.Context, sql string, params int) (found *plan, err error) {
	err = q.inTx(ctx, func() error {
		if err := q.exec(ctx, ownMark+"SET LOCAL max_parallel_workers_per_gather = 0"); err != nil {
			return err
		}
		found, err = q.generic(ctx, sql, params)
		return err
	})
	return found, err
}

// isRefusal reports whether the server rejected a statement, and the connection
// is usable.
func isRefusal(err error) bool {
	_, ok := errors.AsType[*pgconn.PgError](err)
	return ok
}

// A choice is an index for conditions on a table, and what it would find.
type choice struct {
	keys    []indexKey
	where   []condition // the predicate of a partial index
	used    []condition // conditions that the index serves, including where
	matched float64     // rows that the index finds
	indexed float64     // the share of the table's rows in the index
}

func (c *choice) columns() []string {
	out := make([]string, len(c.keys))
	for i, key := range c.keys {
		out[i] = key.Column
	}
	return out
}

// fewRows is the number of found rows from which on a further column of an
// index is not worth its space.
const fewRows = 10

// minHalving is the factor by which each further column of an index has to
// reduce the rows that it finds.
const minHalving = 2

// partialShare is the greatest share of a table's rows for which a partial
// index is proposed.
const partialShare = 0.1

// equalities chooses columns that are compared for equality, and a predicate.
// Those in first come first.
func (q *inquiry) equalities(ctx context.Context, sc *scan, first, all []condition) (choice, error) {
	c := choice{matched: sc.tuples, indexed: 1}
	for _, one := range all {
		if one.op != isNull && one.op != isNotNull && one.op != isTrue && one.op != isFalse || one.column == "" || one.cast != "" {
			continue
		}
		n, err := q.rows(ctx, sc, []condition{one})
		if err != nil {
			return c, err
		}
		if n >= 0 && n <= partialShare*sc.tuples {
			c.where, c.used = append(c.where, one), append(c.used, one)
		}
	}
	if len(c.where) > 0 {
		n, err := q.rows(ctx, sc, c.where)
		if err != nil {
			return c, err
		}
		c.matched, c.indexed = max(n, 1), min(1, max(n, 1)/sc.tuples)
	}
	for _, group := range [][]condition{first, all} {
		sorted, err := q.bySelectivity(ctx, sc, group)
		if err != nil {
			return c, err
		}
		for _, one := range sorted {
			if err := q.add(ctx, sc, &c, one); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

// bySelectivity returns the conditions that are equalities of a column with a
// value, the most selective first, and lists of values last.
func (q *inquiry) bySelectivity(ctx context.Context, sc *scan, all []condition) ([]condition, error) {
	type counted struct {
		condition
		rows float64
	}
	var found []counted
	for _, one := range all {
		column := sc.table.column(one.column)
		if column == nil || one.wrapped != "" || !column.castIsFree(one.cast) {
			continue
		}
		isEqual := one.op == equal || !one.foreign && (one.op == anyOf || one.op == isNull)
		if !isEqual {
			continue
		}
		n, err := q.rows(ctx, sc, []condition{one})
		if err != nil {
			return nil, err
		}
		if n >= 0 {
			found = append(found, counted{one, n})
		}
	}
	slices.SortStableFunc(found, func(a, b counted) int {
		if (a.op == anyOf) != (b.op == anyOf) {
			return cmp.Compare(a.op, b.op) // equal is less
		}
		return cmp.Compare(a.rows, b.rows)
	})
	out := make([]condition, len(found))
	for i, one := range found {
		out[i] = one.condition
	}
	return out, nil
}

// add adds the column of a condition to the index if that halves the rows.
func (q *inquiry) add(ctx context.Context, sc *scan, c *choice, all ...condition) error {
	if len(c.keys) > 0 && c.matched <= fewRows || slices.ContainsFunc(c.used, func(u condition) bool { return u.column == all[0].column }) {
		return nil
	}
	n, err := q.rows(ctx, sc, append(slices.Clone(c.used), all...))
	if err != nil {
		return err
	}
	if n < 0 || n*minHalving > c.matched {
		return nil
	}
	key := indexKey{Column: all[0].column}
	if all[0].op == like && sc.table.column(all[0].column).Collated {
		key.Class = "text_pattern_ops"
	}
	c.keys, c.used, c.matched = append(c.keys, key), append(c.used, all...), max(n, 1)
	return nil
}

// addRange adds the column whose comparisons reduce the rows the most.
func (q *inquiry) addRange(ctx context.Context, sc *scan, c *choice, all []condition) error {
	if slices.ContainsFunc(c.used, func(u condition) bool { return u.op == anyOf }) && len(c.keys) > 1 {
		return nil
	}
	best, bestRows := []condition(nil), c.matched
	for _, one := range all {
		column := sc.table.column(one.column)
		if column == nil || one.wrapped != "" || one.foreign || !column.castIsFree(one.cast) || !isRange(one) {
			continue
		}
		same := []condition{one}
		for _, more := range all {
			if more != one && more.column == one.column && isRange(more) && more.wrapped == "" && !more.foreign && more.op == one.op {
				same = append(same, more)
			}
		}
		n, err := q.rows(ctx, sc, append(slices.Clone(c.used), same...))
		if err != nil {
			return err
		}
		if n >= 0 && n < bestRows {
			best, bestRows = same, n
		}
	}
	if best == nil {
		return nil
	}
	return q.add(ctx, sc, c, best...)
}

// isRange reports whether the condition selects a range of the column's values.
func isRange(c condition) bool {
	if c.op != like {
		return c.op == ordered
	}
	pattern, ok := c.pattern()
	return ok && pattern != "" && !c.startsWithWildcard()
}
