package sqltext

import "errors"

// A Span is a part of a text, in byte offsets. The zero Span stands for a
// missing part.
type Span struct{ Pos, End int }

// Of returns the part of text.
func (s Span) Of(text string) string { return text[s.Pos:s.End] }

// Empty reports whether the part is missing.
func (s Span) Empty() bool { return s.Pos == s.End }

// QueryParts locates the parts of a query that matter to a caller that wraps it
// in another query. "Outermost" includes a query that is wholly in parentheses.
type QueryParts struct {
	With    Span // the leading WITH clause, including WITH
	Body    Span // the query after it, up to its last token, without semicolon
	List    Span // the outermost select list, without DISTINCT; in a set operation that of the first query
	OrderBy Span // the outermost ORDER BY clause

	Limit        bool // the outermost query has LIMIT or FETCH
	Offset       bool // the outermost query has OFFSET
	DistinctOn   bool // the outermost SELECT is a SELECT DISTINCT ON, whose ORDER BY selects the rows
	Grouped      bool // the outermost SELECT has GROUP BY or HAVING (aggregates alone do not show here)
	SetOperation bool // the outermost query is a UNION, INTERSECT or EXCEPT

	OuterJoin bool // the text contains a LEFT, RIGHT or FULL join
	Locking   bool // the text contains FOR UPDATE, FOR SHARE or the like
	Modifying bool // an INSERT, UPDATE, DELETE or MERGE is in a WITH clause
	Into      bool // SELECT ... INTO
}

// Errors of [Outline].
var (
	ErrNotOne   = errors.New("text is not one statement")
	ErrNotQuery = errors.New("statement is not a query")
	ErrUnclear  = errors.New("structure of the query is not clear from its text")
)

// Outline returns the parts of a text that is one SELECT, VALUES or TABLE, with
// or without a WITH clause. For any other text it returns [ErrNotOne],
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

// outermost reports whether the parts of the current query are wanted.
func (a *analysis) outermost() bool { return a.parts != nil && a.depth == a.outer }

// span returns the text from item from to the item before the next one.
func (a *analysis) span(from int) Span {
	if from >= a.i || a.i > len(a.items) {
		return Span{}
	}
	return Span{int(a.items[from].pos), int(a.items[a.i-1].end)}
}

// united returns the parts once the query turns out to be the first of a set
// operation, so that its clauses are not the outermost ones.
func (s QueryParts) united() QueryParts {
	s.OrderBy, s.Limit, s.Offset, s.DistinctOn, s.Grouped = Span{}, false, false, false, false
	s.SetOperation = true
	return s
}

// addTail adds the clauses after a query to those in its parentheses, as in
// (SELECT ... ORDER BY a) LIMIT 1.
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
