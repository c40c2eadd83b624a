package sqltext

import "errors"

// A Span is a part of a text, in byte offsets. The zero Span stands for a part
// that is not there.
type Span struct{ Pos, End int }

// Of returns the part of text.
func (s Span) Of(text string) string { return text[s.Pos:s.End] }

// Empty tells whether the part is not there.
func (s Span) Empty() bool { return s.Pos == s.End }

// A QueryParts says where the parts of a query are that matter to one who puts
// another query around it. "Outermost" includes a query that is wholly in
// parentheses.
type QueryParts struct {
	With    Span // the leading WITH clause: WITH and its queries
	Body    Span // the query after it, up to its last token; a semicolon is not part of it
	List    Span // the outermost select list, without DISTINCT; of a set operation that of the first query
	OrderBy Span // the outermost ORDER BY clause

	Limit        bool // the outermost query has LIMIT or FETCH
	Offset       bool // the outermost query has OFFSET
	DistinctOn   bool // the outermost SELECT is a SELECT DISTINCT ON, whose ORDER BY decides on the rows
	Grouped      bool // the outermost SELECT has GROUP BY or HAVING (aggregates alone do not show here)
	SetOperation bool // the outermost query is a UNION, INTERSECT or EXCEPT

	OuterJoin bool // a LEFT, RIGHT or FULL join is somewhere in the text
	Locking   bool // FOR UPDATE, FOR SHARE or their like is somewhere in the text
	Modifying bool // an INSERT, UPDATE, DELETE or MERGE is in a WITH clause
	Into      bool // SELECT ... INTO
}

// Reasons for which [Outline] refuses a text.
var (
	ErrNotOne   = errors.New("text is not one statement")
	ErrNotQuery = errors.New("statement is not a query")
	ErrUnclear  = errors.New("structure of the query is not clear from its text")
)

// Outline finds the parts of a text that is one SELECT, VALUES or TABLE, with
// or without a WITH clause. Other text is refused with [ErrNotOne],
// [ErrNotQuery], [ErrUnclear] or an [*Error].
func Outline(text string) (QueryParts, error) {
	s := newScan(text)
	defer s.release()
	if s.err != nil {
		return QueryParts{}, s.err
	}
	items := trimSemicolons(s.items)
	if parts := split(items); len(items) == 0 || len(parts) != 1 {
		return QueryParts{}, ErrNotOne
	}
	var st Statement
	var parts QueryParts
	a := &analysis{scan: s, items: items, st: &st, parts: &parts}
	a.statement()
	switch {
	case st.Kind != Select && st.Kind != Values && st.Kind != TableQuery:
		return QueryParts{}, ErrNotQuery
	case a.unclear || !a.done():
		return QueryParts{}, ErrUnclear
	}
	parts.Body.End = int(items[len(items)-1].end)
	return parts, nil
}

// outermost tells whether the parts of the query at hand are wanted.
func (a *analysis) outermost() bool { return a.parts != nil && a.depth == a.outer }

// span returns the text from item number from to the one before the next.
func (a *analysis) span(from int) Span {
	if from >= a.i || a.i > len(a.items) {
		return Span{}
	}
	return Span{int(a.items[from].pos), int(a.items[a.i-1].end)}
}

// united returns the parts once the query it was taken from turns out to be
// the first of a set operation: its clauses are its own.
func (s QueryParts) united() QueryParts {
	s.OrderBy, s.Limit, s.Offset, s.DistinctOn, s.Grouped = Span{}, false, false, false, false
	s.SetOperation = true
	return s
}

// addTail adds the clauses after a query to those in its parentheses, as
// (SELECT ... ORDER BY a) LIMIT 1 is read.
func (s *QueryParts) addTail(seen QueryParts) {
	if !seen.OrderBy.Empty() {
		s.OrderBy, s.Limit, s.Offset = seen.OrderBy, false, false
	}
	s.Limit = s.Limit || seen.Limit
	s.Offset = s.Offset || seen.Offset
}

func (a *analysis) grouped() {
	if a.outermost() {
		a.parts.Grouped = true
	}
}
