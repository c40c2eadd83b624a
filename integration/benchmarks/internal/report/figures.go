package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

// figures are the results of some runs, by work, subject and metric.
type figures map[measure.Result]float64

func figuresOf(runs []Run) figures {
	f := make(figures)
	for _, run := range runs {
		for _, r := range run.Results {
			f[key(r.Work, r.Subject, r.Metric)] = r.Value
		}
	}
	return f
}

func key(work, subject, metric string) measure.Result {
	return measure.Result{Work: work, Subject: subject, Metric: metric}
}

// measured returns the columns of a table that have figures.
func (f figures) measured(s section, t table) []column {
	return slices.DeleteFunc(slices.Clone(s.columns), func(c column) bool {
		return !slices.ContainsFunc(s.rows, func(r row) bool {
			_, ok := f[key(c.work, r.subject, t.metric)]
			return ok
		})
	})
}

// subjects returns the rows that have figures in the columns, in any table.
func (f figures) subjects(s section, columns []column, tables ...table) []row {
	return slices.DeleteFunc(slices.Clone(s.rows), func(r row) bool {
		for _, c := range columns {
			for _, t := range tables {
				if _, ok := f[key(c.work, r.subject, t.metric)]; ok {
					return false
				}
			}
		}
		return true
	})
}

// cell is a figure as a table shows it, "" if there is none.
func (f figures) cell(work, subject string, t table) string {
	v, ok := f[key(work, subject, t.metric)]
	if !ok {
		return ""
	}
	text := format(t.scaled(v))
	if low, bounded := f[key(work, subject, t.metric+measure.LowSuffix)]; bounded {
		text += fmt.Sprintf(" (%s-%s)", format(low), format(f[key(work, subject, t.metric+measure.HighSuffix)]))
	}
	return text
}

func (t table) scaled(v float64) float64 {
	if t.scale == 0 {
		return v
	}
	return v / t.scale
}

// format writes a figure, which is not negative, with a comma before each three
// digits.
func format(v float64) string {
	digits, fraction, _ := strings.Cut(measure.Format(v), ".")
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if fraction != "" {
		digits += "." + fraction
	}
	return digits
}

// times writes a ratio with two or three digits: 1.4, 12, 345.
func times(v float64) string {
	if v < 10 {
		return fmt.Sprintf("%.1f", v)
	}
	return format(float64(int(v + 0.5)))
}
