package report

import (
	"fmt"
	"slices"
	"strings"
)

// noise is by how much figures of equal subjects may differ.
const noise = 0.03

// A loss is a work in which others have better figures than headrace.
type loss struct {
	column column
	table  table
	others []other // the best first
}

type other struct {
	subject string
	factor  float64 // by which its figure is better
}

// losses finds all works in which headrace is behind.
func (f figures) losses() (all []loss) {
	for _, s := range sections {
		for _, t := range s.tables {
			for _, c := range f.measured(s, t) {
				if others := f.ahead(s, t, c); len(others) > 0 {
					all = append(all, loss{c, t, others})
				}
			}
		}
	}
	return all
}

func (f figures) ahead(s section, t table, c column) (others []other) {
	own, ok := f[key(c.work, "headrace", t.metric)]
	if !ok {
		return nil
	}
	for _, r := range s.rows {
		v, ok := f[key(c.work, r.subject, t.metric)]
		if !ok || r.bound || strings.HasPrefix(r.subject, "headrace") {
			continue
		}
		if factor := t.factor(v, own); factor > 1+noise {
			others = append(others, other{r.subject, factor})
		}
	}
	slices.SortStableFunc(others, func(a, b other) int {
		if a.factor > b.factor {
			return -1
		}
		return 1
	})
	return others
}

// factor is by how much a is better than b.
func (t table) factor(a, b float64) float64 {
	if t.more {
		return a / b
	}
	return b / a
}

func (l loss) String() string {
	names := make([]string, len(l.others))
	for i, o := range l.others {
		names[i] = fmt.Sprintf("%s %.2f", o.subject, o.factor)
	}
	return strings.Join(names, ", ")
}
