package diagnose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/headrace/headrace/db"
)

// A loop is a statement that spans of the program repeated.
type loop struct {
	fingerprint uint64
	name, text  string
	span        string // the name of one of the spans
	stack       []db.Frame
	calls       int64 // repeated
	all         int64
	spans       int
	lost        time.Duration // by the repeated calls
}

// A place identifies a statement, and the place in the program that repeats it.
type place struct {
	statement statementKey
	frame     db.Frame
}

// statementsRepeated finds loops of round trips in the spans that ended during
// the windows.
func (p *picture) statementsRepeated() []Finding {
	loops := make(map[place]*loop)
	for i := range p.spans {
		span := &p.spans[i]
		for _, r := range span.Repeats {
			key := place{statement: statementKey{r.Fingerprint, r.Name}}
			if len(r.Stack) > 0 {
				key.frame = r.Stack[0]
			}
			l := loops[key]
			if l == nil {
				l = &loop{fingerprint: r.Fingerprint, name: r.Name, text: r.Text, span: span.Name, stack: r.Stack}
				loops[key] = l
			}
			l.add(span, key.statement, r.Calls, r.Calls-1) // one call would remain
		}
	}
	return p.loopFindings(loops, func(l *loop, f *Finding) {
		f.Kind = StatementRepeated
		f.Title = fmt.Sprintf("A statement is repeated in a loop: %d calls per span", l.calls/int64(l.spans))
		f.Evidence = fmt.Sprintf("%s: %d calls with different arguments in %d spans such as %q, which took %v.", label(l.name, l.text), l.calls, l.spans, shorten(l.span), rounded(l.lost))
		if len(l.stack) > 0 {
			f.Evidence += fmt.Sprintf(" They come from %s, line %d.", l.stack[0].Function, l.stack[0].Line)
		}
		f.Do = "Replace the loop by one statement with = ANY($1) or a join, by a Loader or Gather, or by a bulk write (package batchinsert)."
	})
}

// readsIdentical finds reads that spans repeated with the same arguments.
func (p *picture) readsIdentical() []Finding {
	loops := make(map[place]*loop)
	for i := range p.spans {
		span := &p.spans[i]
		for j := range span.ByStatement {
			s := &span.ByStatement[j]
			if s.Identical == 0 || !isRead(s.Text) {
				continue
			}
			key := place{statement: statementKey{s.Fingerprint, s.Name}}
			l := loops[key]
			if l == nil {
				l = &loop{fingerprint: s.Fingerprint, name: s.Name, text: s.Text, span: span.Name}
				if len(s.Sites) > 0 {
					l.stack = s.Sites[0].Stack
				}
				loops[key] = l
			}
			l.add(span, key.statement, s.Identical, s.Identical)
		}
	}
	maps.DeleteFunc(loops, func(_ place, l *loop) bool {
		return l.calls < minIdentical || float64(l.calls) < minIdenticalShare*float64(l.all)
	})
	return p.loopFindings(loops, func(l *loop, f *Finding) {
		f.Kind = ReadsIdentical
		f.Title = fmt.Sprintf("A read is repeated with the same arguments: %s of its calls", percent(part(l.calls, l.all)))
		f.Evidence = fmt.Sprintf("%s: %d of %d calls, in %d spans such as %q, had the arguments of an earlier call of the same span, and took %v.", label(l.name, l.text), l.calls, l.all, l.spans, shorten(l.span), rounded(l.lost))
		f.Do = "Cache it (package querycache), or read it once and pass the result on."
	})
}

// add counts calls of a statement in a span, of which some are lost time.
func (l *loop) add(span *db.SpanStats, key statementKey, calls, lost int64) {
	l.calls += calls
	l.spans++
	for i := range span.ByStatement {
		s := &span.ByStatement[i]
		if s.Fingerprint == key.fingerprint && s.Name == key.name && s.Calls > 0 {
			l.all += s.Calls
			l.lost += time.Duration(float64(s.Time) * float64(lost) / float64(s.Calls))
			return
		}
	}
}

// loopFindings returns the findings for the loops that take the most time.
func (p *picture) loopFindings(loops map[place]*loop, describe func(*loop, *Finding)) []Finding {
	all := slices.Collect(maps.Values(loops))
	slices.SortFunc(all, func(a, b *loop) int {
		return cmp.Or(cmp.Compare(b.lost, a.lost), cmp.Compare(b.calls, a.calls), cmp.Compare(a.fingerprint, b.fingerprint))
	})
	var out []Finding
	for _, l := range all[:min(len(all), maxFindings)] {
		f := Finding{Share: part(l.lost, p.spent), Fingerprint: l.fingerprint, Name: l.name, Statement: l.text, Stack: l.stack}
		describe(l, &f)
		out = append(out, f)
	}
	return out
}
