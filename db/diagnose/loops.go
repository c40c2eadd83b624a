package diagnose

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/headrace/headrace/db"
)

// A loopKey identifies a loop: a statement, and the place that repeats it.
type loopKey struct {
	statement statementKey
	place     db.Frame
	identical bool
}

func keyOf(l *db.Loop) loopKey {
	key := loopKey{statement: statementKey{l.Fingerprint, l.Name}, identical: l.Identical}
	if len(l.Stack) > 0 && !l.Identical {
		key.place = l.Stack[0]
	}
	return key
}

// loopsOf returns the loops of spans that have ended, by their keys.
func loopsOf(all []db.Loop) map[loopKey]db.Loop {
	out := make(map[loopKey]db.Loop, len(all))
	for i := range all {
		out[keyOf(&all[i])] = all[i]
	}
	return out
}

// loopsSince returns what was added between two readings.
func loopsSince(now, earlier map[loopKey]db.Loop) []db.Loop {
	var out []db.Loop
	for key, l := range now {
		before := earlier[key]
		l.Spans -= before.Spans
		l.Calls -= before.Calls
		l.AllCalls -= before.AllCalls
		l.Time -= before.Time
		if l.Spans > 0 {
			out = append(out, l)
		}
	}
	return out
}

// addLoops adds the loops of a window up.
func addLoops(to map[loopKey]*db.Loop, loops []db.Loop) {
	for i := range loops {
		l := loops[i]
		sum := to[keyOf(&l)]
		if sum == nil {
			to[keyOf(&l)] = &l
			continue
		}
		sum.Span = l.Span
		sum.Spans += l.Spans
		sum.Calls += l.Calls
		sum.AllCalls += l.AllCalls
		sum.Time += l.Time
	}
}

// statementsRepeated finds loops of round trips in the spans that ended during
// the windows.
func (p *picture) statementsRepeated() []Finding {
	repeated := func(l *db.Loop) bool { return !l.Identical }
	return p.loopFindings(repeated, func(l *db.Loop, f *Finding) {
		f.Kind = StatementRepeated
		f.Title = fmt.Sprintf("A statement is repeated in a loop: %d calls per span", l.Calls/l.Spans)
		f.Evidence = fmt.Sprintf("%s: %d calls with different arguments in %s such as %q, which took %v.", label(l.Name, l.Text), l.Calls, plural(int(l.Spans), "span", "spans"), shorten(l.Span), rounded(l.Time))
		if len(l.Stack) > 0 {
			f.Evidence += fmt.Sprintf(" They come from %s, line %d.", l.Stack[0].Function, l.Stack[0].Line)
		}
		f.Do = "Replace the loop by one statement with = ANY($1) or a join, by a Loader or Gather, or by a bulk write (package batchinsert)."
	})
}

// readsIdentical finds reads that spans repeated with the same arguments.
func (p *picture) readsIdentical() []Finding {
	cacheable := func(l *db.Loop) bool {
		return l.Identical && isRead(l.Text) && l.Calls >= minIdentical && float64(l.Calls) >= minIdenticalShare*float64(l.AllCalls)
	}
	return p.loopFindings(cacheable, func(l *db.Loop, f *Finding) {
		f.Kind = ReadsIdentical
		f.Title = fmt.Sprintf("A read is repeated with the same arguments: %s of its calls", percent(part(l.Calls, l.AllCalls)))
		f.Evidence = fmt.Sprintf("%s: %d of %d calls, in %s such as %q, had the arguments of an earlier call of the same span, and took %v.", label(l.Name, l.Text), l.Calls, l.AllCalls, plural(int(l.Spans), "span", "spans"), shorten(l.Span), rounded(l.Time))
		f.Do = "Cache it (package querycache), or read it once and pass the result on."
	})
}

// loopFindings returns the findings for the loops of a kind that take the most
// time.
func (p *picture) loopFindings(isOne func(*db.Loop) bool, describe func(*db.Loop, *Finding)) []Finding {
	var all []*db.Loop
	for _, l := range p.loops {
		if isOne(l) {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b *db.Loop) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	var out []Finding
	for _, l := range all[:min(len(all), maxFindings)] {
		f := Finding{Share: part(l.Time, p.spent), Fingerprint: l.Fingerprint, Name: l.Name, Statement: l.Text, Stack: l.Stack}
		describe(l, &f)
		out = append(out, f)
	}
	return out
}
