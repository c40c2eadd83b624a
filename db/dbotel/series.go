package dbotel

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/headrace/headrace/db"
)

// dbprom and dbotel have this file in common, word for word: a test of the
// integration module compares them. They are modules that users may upgrade
// apart from each other, so that neither may import an internal package.

// figures are cumulative figures of one or more statements.
type figures struct {
	counts               []int64 // of durations up to each bound and above the one before; the last of those above all bounds
	rows, bytes          int64
	total, wait, network time.Duration
	errors               map[string]int64
}

func figuresOf(s *db.StatementStats, bounds []time.Duration) figures {
	return figures{
		counts: countsOf(s.Times, bounds),
		rows:   s.Rows, bytes: s.Bytes, total: s.Total, wait: s.Wait, network: s.Network, errors: s.Errors,
	}
}

// countsOf returns the number of durations between each two bounds.
func countsOf(h db.Histogram, bounds []time.Duration) []int64 {
	counts := make([]int64, len(bounds)+1)
	at := 0
	for middle, n := range h.Buckets() {
		for at < len(bounds) && middle > bounds[at] {
			at++
		}
		counts[at] += n
	}
	return counts
}

// plus returns f + sign*g. It does not change either.
func (f figures) plus(sign int64, g figures) figures {
	if g.counts == nil {
		return f
	}
	out := figures{
		counts: make([]int64, len(g.counts)), rows: f.rows + sign*g.rows, bytes: f.bytes + sign*g.bytes,
		total: f.total + time.Duration(sign)*g.total, wait: f.wait + time.Duration(sign)*g.wait,
		network: f.network + time.Duration(sign)*g.network, errors: f.errors,
	}
	copy(out.counts, f.counts)
	for i, n := range g.counts {
		out.counts[i] += sign * n
	}
	if len(g.errors) > 0 {
		out.errors = make(map[string]int64)
		maps.Copy(out.errors, f.errors)
		for class, n := range g.errors {
			out.errors[class] += sign * n
		}
	}
	return out
}

// A key identifies a series by its labels.
type key struct{ statement, fingerprint string }

// otherStatement is the label of the series that all further statements share.
var otherStatement = key{statement: "other"}

func keyOf(s *db.StatementStats) key {
	if s.Fingerprint == 0 {
		return otherStatement // Stats has no room for them
	}
	name := cmp.Or(s.Name, s.Summary)
	return key{strings.ToValidUTF8(name, "\uFFFD"), fmt.Sprintf("%016x", s.Fingerprint)}
}

// allSeries divides the figures of a handle's statements among series: those
// with the most time have their own, all others share one. No figure of a series
// ever falls, and the sum over all series is that of all statements: what a
// statement has added to one series stays there when it moves to another.
type allSeries struct {
	most   int
	bounds []time.Duration
	own    map[key]bool    // statements with their own series
	before map[key]figures // of statements, at the last split

	// apart holds, for each statement that was ever moved, what it has added to
	// the other series: to the shared one while it has a series of its own, and
	// to its own while it has none.
	apart map[key]figures
}

func newAllSeries(most int, bounds []time.Duration) *allSeries {
	return &allSeries{most: most, bounds: bounds, own: make(map[key]bool), apart: make(map[key]figures)}
}

// split returns the figures of each series that exists now. It must be called
// with Stats in the order in which they were taken.
func (a *allSeries) split(statements []db.StatementStats) map[key]figures {
	now := make(map[key]figures, len(statements))
	for i := range statements {
		k := keyOf(&statements[i])
		now[k] = figuresOf(&statements[i], a.bounds).plus(1, now[k])
	}
	shared := now[otherStatement]
	if shared.counts == nil {
		shared.counts = make([]int64, len(a.bounds)+1)
	}
	delete(now, otherStatement)
	a.choose(now)
	out := make(map[key]figures, len(a.own)+1)
	for k, f := range now {
		apart := a.apart[k]
		if a.own[k] {
			out[k] = f.plus(-1, apart)
			shared = shared.plus(1, apart)
			continue
		}
		shared = shared.plus(1, f.plus(-1, apart))
	}
	out[otherStatement], a.before = shared, now
	return out
}

// choose gives statements their own series. While there is room, everyone gets
// one. Then a statement takes the place of another once it has taken more than
// twice its time: series come and go rarely, also between equals.
func (a *allSeries) choose(now map[key]figures) {
	descending := slices.SortedFunc(maps.Keys(now), func(x, y key) int {
		return cmp.Or(cmp.Compare(now[y].total, now[x].total), cmp.Compare(x.fingerprint, y.fingerprint), cmp.Compare(x.statement, y.statement))
	})
	var in, out []key
	for _, k := range descending {
		switch {
		case a.own[k]:
			in = append(in, k)
		default:
			out = append(out, k)
		}
	}
	for len(a.own) < a.most && len(out) > 0 {
		a.own[out[0]] = true
		out = out[1:]
	}
	slices.Reverse(in)
	for i := range min(len(in), len(out)) {
		if now[out[i]].total <= 2*now[in[i]].total {
			return
		}
		a.own[out[i]] = true
		delete(a.own, in[i])
		for _, k := range []key{out[i], in[i]} { // what it has added since the last split belongs to its new series
			a.apart[k] = a.before[k].plus(-1, a.apart[k])
		}
	}
}
