package advise

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/headrace/headrace/internal/sqltext"
	"github.com/headrace/headrace/querycache"
)

// Thresholds of the advice to cache a statement.
const (
	minCachedCalls = 100
	minHitRatio    = 0.5
)

func timeOf(n int64) time.Duration { return time.Duration(n) }

// caching predicts what a cache of the statement's results would save. It counts
// the calls of the statement and the writes to its tables.
func (q *inquiry) caching(ctx context.Context, st subject) error {
	if st.text.Kind != sqltext.Select || st.stats == nil || st.stats.Calls < minCachedCalls || st.text.ReadOnly == sqltext.No {
		return nil
	}
	tables := namesOf(st.text.Reads)
	if q.opts.Cache != nil {
		explained := q.opts.Cache.Explain(ctx, st.text.Text)
		if explained.Cacheable && explained.Lookups[querycache.Hit] > 0 {
			return nil // it is cached
		}
		if len(explained.Tables) > 0 {
			tables = explained.Tables
		}
	} else if !st.text.TablesKnown {
		return nil
	}
	keys, ok, err := q.keys(ctx, st)
	if !ok || err != nil {
		return err
	}
	writes := writesTo(st, tables)
	ratio := hitRatio(float64(st.stats.Calls), float64(writes), keys)
	if ratio < minHitRatio {
		return nil
	}
	saved := time.Duration(ratio * float64(st.stats.Total))
	q.advice = append(q.advice, Advice{
		Kind: Caching, Title: fmt.Sprintf("A cache would answer an estimated %.0f %% of the calls", 100*ratio),
		Evidence: fmt.Sprintf("%d calls took %v, with an estimated %s different argument lists; %d calls of this handle wrote to %s meanwhile. A cache would have saved %v.",
			st.stats.Calls, st.stats.Total, number(keys), writes, strings.Join(tables, ", "), saved.Round(time.Microsecond)),
		Do:       "Read through package querycache, with a policy for the statement. The prediction assumes that calls, arguments and writes are spread evenly, and does not know writes of other programs.",
		HitRatio: ratio, Saved: saved,
	})
	return nil
}

// keys estimates the number of different argument lists. ok is false if it is
// not known.
func (q *inquiry) keys(ctx context.Context, st subject) (keys float64, ok bool, err error) {
	switch {
	case q.opts.Keys > 0:
		return float64(q.opts.Keys), true, nil
	case st.text.MaxParam == 0:
		return 1, true, nil
	}
	var generic *plan
	err = q.inTx(ctx, func() (err error) {
		generic, err = q.generic(ctx, st.text.Text, st.text.MaxParam)
		return err
	})
	if err != nil {
		return 0, false, refusalsOnly(err)
	}
	keys = 1.0
	var found []string // parameters that are compared with a column
	generic.walk(func(n *plan) {
		t := q.tables[[2]string{n.Schema, n.Relation}]
		if t == nil {
			return
		}
		for _, text := range []string{firstOf(n.IndexCond, n.RecheckCond), n.Filter} {
			for _, c := range conditions(text, n.Alias) {
				all := pieces(c.value)
				column := t.column(c.column)
				if c.op != equal || column == nil || len(all) == 0 || all[0].kind != sqltext.Param || slices.Contains(found, all[0].text) {
					continue
				}
				if distinct := column.distinctOf(t.Tuples); distinct > 0 {
					found, keys = append(found, all[0].text), keys*max(1, distinct)
				}
			}
		}
	})
	return keys, len(found) == st.text.MaxParam, nil
}

// namesOf returns tables as querycache.Explanation names them, as far as the
// text shows their schema.
func namesOf(tables []sqltext.Table) []string {
	out := make([]string, len(tables))
	for i, t := range tables {
		if out[i] = t.Name; t.Schema != "" {
			out[i] = t.Schema + "." + t.Name
		}
	}
	return out
}

// writesTo counts the calls of statements that write to one of the tables. A
// statement whose tables are not known counts as one that does.
func writesTo(st subject, tables []string) int64 {
	var calls int64
	for _, one := range st.all {
		text := sqltext.Analyze(one.Text)
		if !text.MayWrite() {
			continue
		}
		isOther := text.TablesKnown && !slices.ContainsFunc(namesOf(text.Writes), func(written string) bool {
			return slices.ContainsFunc(tables, func(read string) bool { return isSameTable(written, read) })
		})
		if !isOther {
			calls += one.Calls
		}
	}
	return calls
}

// isSameTable compares two names, each with or without a schema.
func isSameTable(a, b string) bool {
	if a == "*" || b == "*" || a == b {
		return true
	}
	schemaA, nameA, hasA := strings.Cut(a, ".")
	schemaB, nameB, hasB := strings.Cut(b, ".")
	if !hasA {
		nameA = schemaA
	}
	if !hasB {
		nameB = schemaB
	}
	return nameA == nameB && !(hasA && hasB)
}

// hitRatio predicts the share of calls that a cache answers, if each of the
// given number of keys is asked for equally often and every write invalidates
// all keys.
//
// Of r calls for one key and w writes in random order, a call is a hit if the
// event before it, of those r+w, is a call too: r(r-1)/(r+w) calls are. The
// calls for one key follow a Poisson distribution with mean calls/keys.
func hitRatio(calls, writes, keys float64) float64 {
	const isExact = 1000 // from this mean on the distribution makes no difference
	mean := calls / max(keys, 1)
	switch {
	case mean <= 0:
		return 0
	case keys <= 1 || mean > isExact:
		return max(0, (mean-1)/(mean+writes))
	}
	hits, chance := 0.0, math.Exp(-mean)
	for r := 1.0; r < mean+10*math.Sqrt(mean)+20; r++ {
		chance *= mean / r
		hits += chance * r * (r - 1) / (r + writes)
	}
	return min(1, hits/mean)
}
