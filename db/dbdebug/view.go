package dbdebug

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

// A view is what the address of the page asks for.
type view struct {
	Query string // statements must contain it
	Sort  string // id of a column, with "-" for descending order
	All   bool   // show all statements and spans
	Open  string // key of the statement whose details are shown
}

const (
	shownStatements = 100
	shownSpans      = 10
	shownParts      = 20 // statements of a span or a cache
)

// viewOf reads the address. A button to sort adds "sort" to the field "order",
// which holds the order so far; likewise "open".
func viewOf(q url.Values) view {
	v := view{Query: strings.TrimSpace(q.Get("q")), Sort: q.Get("order"), All: q.Get("all") == "1", Open: q.Get("opened")}
	if q.Has("sort") {
		v.Sort = q.Get("sort")
	}
	if q.Has("open") {
		v.Open = q.Get("open")
	}
	return v
}

func (v view) values() url.Values {
	q := make(url.Values)
	for name, value := range map[string]string{"q": v.Query, "sort": v.Sort, "open": v.Open} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if v.All {
		q.Set("all", "1")
	}
	return q
}

// Encode returns the address of the view, "?" included.
func (v view) Encode() string { return "?" + v.values().Encode() }

// Opened returns the view with the details of another statement.
func (v view) Opened(key string) string { v.Open = key; return v.Encode() }

// Everything returns the view without limits, or with them again.
func (v view) Everything(all bool) string { v.All = all; return v.Encode() }

// A column is one of the table of statements.
type column struct {
	ID, Label string
	Title     string // what it means
	Class     string // from which width on it is shown, and how
	text      bool
	monitored bool // needs a monitor
	compare   func(a, b *statement) int
	Ordered   string // "ascending", "descending" or "", for aria-sort
	Next      string // the order that its button asks for
}

func by[T cmp.Ordered](value func(s *statement) T) func(a, b *statement) int {
	return func(a, b *statement) int { return cmp.Compare(value(a), value(b)) }
}

// columns are those of the table of statements. w1 is shown from 400 px on, w4
// from 1,400 px on.
var columns = []column{
	{ID: "name", Label: "Statement", Title: "name, or the text with constants replaced", Class: "w0", text: true,
		compare: by(func(s *statement) string { return strings.ToLower(label(s.Name, s.Text)) })},
	{ID: "load", Label: "Load", Title: "its time per second in the last minute: 1.0 keeps one connection busy", Class: "w2 n", monitored: true,
		compare: by(func(s *statement) float64 { return s.Load })},
	{ID: "share", Label: "Share", Title: "of the time of all statements since the handle was opened", Class: "w0 n",
		compare: by(func(s *statement) seconds { return s.Total })},
	{ID: "calls", Label: "Calls", Title: "since the handle was opened", Class: "w1 n",
		compare: by(func(s *statement) int64 { return s.Calls })},
	{ID: "rate", Label: "Calls/s", Title: "in the last minute", Class: "w3 n", monitored: true,
		compare: by(func(s *statement) float64 { return s.Rate })},
	{ID: "mean", Label: "Mean", Title: "time of a call", Class: "w3 n",
		compare: by(func(s *statement) seconds { return s.Mean })},
	{ID: "p50", Label: "p50", Title: "half of the calls took less", Class: "w3 n",
		compare: by(func(s *statement) seconds { return s.P50 })},
	{ID: "p99", Label: "p99", Title: "99 % of the calls took less", Class: "w0 n",
		compare: by(func(s *statement) seconds { return s.P99 })},
	{ID: "max", Label: "Max", Title: "the longest call", Class: "w4 n",
		compare: by(func(s *statement) seconds { return s.Max })},
	{ID: "wait", Label: "Wait", Title: "for a connection, per call", Class: "w4 n",
		compare: by(func(s *statement) float64 { return part(float64(s.Wait), float64(s.Calls)) })},
	{ID: "rows", Label: "Rows/call", Title: "returned or affected", Class: "w4 n",
		compare: by(func(s *statement) float64 { return part(float64(s.Rows), float64(s.Calls)) })},
	{ID: "errors", Label: "Errors", Title: "failed calls", Class: "w2 n",
		compare: by(func(s *statement) int64 { return s.Errors })},
}

// sorted returns the columns as the view orders them, and sorts the statements.
func (v *view) sorted(all []statement, monitored bool) []column {
	if v.Sort == "" {
		v.Sort = "-share"
		if monitored {
			v.Sort = "-load"
		}
	}
	id, descending := strings.CutPrefix(v.Sort, "-")
	cols := slices.DeleteFunc(slices.Clone(columns), func(c column) bool { return c.monitored && !monitored })
	for i := range cols {
		c := &cols[i]
		if c.Next = "-" + c.ID; c.text {
			c.Next = c.ID
		}
		if c.ID != id {
			continue
		}
		c.Ordered, c.Next = "ascending", "-"+c.ID
		if descending {
			c.Ordered, c.Next = "descending", c.ID
		}
		slices.SortStableFunc(all, func(a, b statement) int {
			order := c.compare(&a, &b)
			if descending {
				order = -order
			}
			return cmp.Or(order, cmp.Compare(b.Total, a.Total), cmp.Compare(a.Key, b.Key))
		})
	}
	return cols
}

// matching returns the statements that contain what the view asks for.
func (v *view) matching(all []statement) []statement {
	if v.Query == "" {
		return all
	}
	want := strings.ToLower(v.Query)
	return slices.DeleteFunc(slices.Clone(all), func(s statement) bool {
		return !strings.Contains(strings.ToLower(s.Name+" "+s.Text+" "+s.Fingerprint), want)
	})
}
