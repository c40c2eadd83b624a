package dbdebug

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"slices"
	"strings"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string
)

// policy admits the page's own style and script, and requests to where it came
// from.
var policy = strings.Join([]string{
	"default-src 'none'",
	"style-src '" + hashOf(pageCSS) + "'",
	"script-src '" + hashOf(pageJS) + "'",
	"img-src data:", // the empty icon, so that browsers ask for none
	"connect-src 'self'",
	"form-action 'self'",
	"base-uri 'none'",
	"frame-ancestors 'none'",
}, "; ")

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

var pages = template.Must(template.New("page").Funcs(formats).Parse(pageHTML))

// A page is what the template shows.
type page struct {
	*snapshot
	View    view
	Columns []column
	Rows    []statement
	Matched int  // statements that match the filter
	Known   int  // all statements
	Monitor bool // there are figures over time
	Said    string

	CSS template.CSS
	JS  template.JS
}

func pageOf(s *snapshot, v view) *page {
	p := &page{snapshot: s, View: v, Monitor: len(s.Over) > 0, CSS: template.CSS(pageCSS), JS: template.JS(pageJS)} //nolint:gosec // embedded files
	p.Known = len(s.Statements)
	p.Columns = p.View.sorted(s.Statements, p.Monitor)
	p.Rows = p.View.matching(s.Statements)
	p.Matched = len(p.Rows)
	if !v.All && len(p.Rows) > shownStatements {
		p.Rows = p.withOpen(p.Rows)
	}
	return p
}

// withOpen returns the first statements, and the open one.
func (p *page) withOpen(all []statement) []statement {
	rows := all[:shownStatements]
	for i := shownStatements; i < len(all); i++ {
		if all[i].Key == p.View.Open {
			return append(slices.Clone(rows), all[i])
		}
	}
	return rows
}

// Spans returns the spans of a list that are shown.
func (p *page) Spans(all []span) []span {
	if p.View.All {
		return all
	}
	return all[:min(len(all), shownSpans)]
}

// Healthy reports how the summary is to look: "good", "warn", "bad" or "none".
func (s *summary) Healthy() string {
	switch s.Health {
	case "ready":
		return "good"
	case "degraded":
		return "warn"
	case "not ready":
		return "bad"
	}
	return "none"
}

// Failing is Healthy for the share of errors.
func (s *summary) Failing() string {
	switch {
	case s.ErrorRate >= 0.05:
		return "bad"
	case s.ErrorRate >= 0.01:
		return "warn"
	}
	return "none"
}

// Crowded is Healthy for the use of the pool.
func (s *summary) Crowded() string {
	switch {
	case s.Max > 0 && s.InUse >= s.Max && s.Waiting > 0:
		return "bad"
	case s.Max > 0 && s.InUse >= s.Max:
		return "warn"
	}
	return "none"
}

// Find returns the statement with a key, for links.
func (p *page) Find(key string) bool {
	return slices.ContainsFunc(p.snapshot.Statements, func(s statement) bool { return s.Key == key })
}
