package db

import "time"

// A Loop sums up what spans repeated of one statement: a [Repeat] in one place,
// or, with Identical, calls with the arguments of an earlier call of the same
// span (see SpanStatement.Identical).
type Loop struct {
	Fingerprint uint64
	Name, Text  string
	Identical   bool
	Stack       []Frame // the place, innermost first; nil if unknown

	Span     string        // name of the latest span that had it
	Spans    int64         // number of spans that had it
	Calls    int64         // that were repeated
	AllCalls int64         // of the statement, in these spans
	Time     time.Duration // of the repeated calls; for a Repeat without one call for each span, which would remain
}

// A loopKey identifies a Loop.
type loopKey struct {
	fingerprint uint64
	name        string
	place       Frame
	identical   bool
}

// maxLoops bounds the loops; further ones are not counted.
const maxLoops = 256

// addLoops adds what a span repeated.
func (r *spanRing) addLoops(s *SpanStats) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, repeat := range s.Repeats {
		l := Loop{Fingerprint: repeat.Fingerprint, Name: repeat.Name, Text: repeat.Text, Stack: repeat.Stack, Calls: repeat.Calls}
		for _, st := range s.ByStatement {
			if st.Fingerprint == repeat.Fingerprint && st.Name == repeat.Name && st.Calls > 0 {
				l.AllCalls, l.Time = st.Calls, shareOf(st.Time, repeat.Calls-1, st.Calls)
			}
		}
		r.addLoop(s.Name, &l)
	}
	for _, st := range s.ByStatement {
		if st.Identical == 0 {
			continue
		}
		l := Loop{Fingerprint: st.Fingerprint, Name: st.Name, Text: st.Text, Identical: true, Calls: st.Identical, AllCalls: st.Calls}
		l.Time = shareOf(st.Time, st.Identical, st.Calls)
		if len(st.Sites) > 0 {
			l.Stack = st.Sites[0].Stack
		}
		r.addLoop(s.Name, &l)
	}
}

// shareOf returns the time of some calls of all that took the given time.
func shareOf(took time.Duration, some, all int64) time.Duration {
	return time.Duration(float64(took) * float64(some) / float64(all))
}

// addLoop adds a loop of a span. Called with mu held.
func (r *spanRing) addLoop(span string, l *Loop) {
	key := loopKey{fingerprint: l.Fingerprint, name: l.Name, identical: l.Identical}
	if len(l.Stack) > 0 && !l.Identical {
		key.place = l.Stack[0]
	}
	sum := r.loops[key]
	if sum == nil {
		if len(r.loops) >= maxLoops {
			return
		}
		sum = &Loop{Fingerprint: l.Fingerprint, Name: l.Name, Text: shortened(l.Text), Identical: l.Identical, Stack: l.Stack}
		if r.loops == nil {
			r.loops = make(map[loopKey]*Loop)
		}
		r.loops[key] = sum
	}
	if sum.Stack == nil {
		sum.Stack = l.Stack
	}
	sum.Span = shortened(span)
	sum.Spans++
	sum.Calls += l.Calls
	sum.AllCalls += l.AllCalls
	sum.Time += l.Time
}
