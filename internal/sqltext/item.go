package sqltext

import (
	"math"
	"slices"
	"sync"
)

// An item is a token other than white space, with its key word looked up.
type item struct {
	pos, end int32
	kind     Kind
	look     look
	key      keyword
}

// A scan holds the items of a text. Comments are left out, except hints, which
// a server with pg_hint_plan reads; the analysis skips hints.
type scan struct {
	text  string
	items []item
	hints []item
	err   *Error

	closings []int32  // of parentheses, computed when first needed: see [scan.closing]
	lists    []list   // of the fingerprint; its memory is reused
	analysis analysis // of one statement at a time; its memory is reused
	work     int      // number of inspected items, for tests
}

var scans = sync.Pool{New: func() any { return new(scan) }}

// newScan lexes text; release returns its memory to the pool.
func newScan(text string) *scan {
	s := scans.Get().(*scan)
	s.text, s.items, s.hints, s.err, s.closings, s.work = text, s.items[:0], s.hints[:0], nil, s.closings[:0], 0
	if len(text) > math.MaxInt32 {
		s.err = newError(text, math.MaxInt32, "text too long")
		return s
	}
	lexer := Lexer{text: text}
	for {
		token, ok := lexer.Next()
		if !ok || token.Kind == Invalid {
			break
		}
		s.add(token)
	}
	s.err = lexer.err
	s.work += len(s.items) + lexer.work
	return s
}

// maxPooled bounds the memory that a scan keeps for the next text.
const maxPooled = 1 << 14

func (s *scan) release() {
	s.text, s.err = "", nil
	clear(s.analysis.with.names[:cap(s.analysis.with.names)])
	s.analysis = analysis{with: s.analysis.with.emptied()}
	if max(cap(s.items), cap(s.hints), cap(s.closings), cap(s.lists), cap(s.analysis.with.names)) <= maxPooled {
		scans.Put(s)
	}
}

func (s *scan) add(token Token) {
	it := item{pos: int32(token.Pos), end: int32(token.End), kind: token.Kind}
	switch token.Kind {
	case Space:
		return
	case Comment:
		if isHint(s.text[token.Pos:token.End]) {
			it.look = likeAny
			s.hints = append(s.hints, it)
		}
		return
	case Word:
		it.key = keywordOf(s.text[token.Pos:token.End])
	case Symbol, Operator:
		it.key = symbolOf(s.text[token.Pos:token.End])
	}
	it.look = lookOf(it.kind, it.key)
	if len(s.items) == cap(s.items) {
		s.items = slices.Grow(s.items, max(64, len(s.items))) // append grows long slices less, and so copies more often
	}
	s.items = append(s.items, it)
}

func isHint(comment string) bool { return len(comment) > 3 && comment[:3] == "/*+" }

// symbolOf returns the keyword for a symbol or operator.
func symbolOf(token string) keyword {
	switch {
	case len(token) == 1:
		return keyword(token[0])
	case token == "::":
		return kwTypecast
	case token == ":=":
		return kwAssign
	case token == "..":
		return kwTwoDots
	}
	return none
}

// closing returns the index of the parenthesis that closes the one at i, or the
// number of items if none does. Brackets do not count.
func (s *scan) closing(i int) int {
	if len(s.closings) != len(s.items) {
		s.findClosings()
	}
	return int(s.closings[i])
}

func (s *scan) findClosings() {
	s.closings = append(s.closings[:0], make([]int32, len(s.items))...)
	open := int32(-1) // index of the innermost open parenthesis; each stores the one around it until it is closed
	for i, it := range s.items {
		switch {
		case it.key == '(':
			s.closings[i], open = open, int32(i)
		case it.key == ')' && open >= 0:
			s.closings[open], open = int32(i), s.closings[open]
		}
	}
	for open >= 0 {
		s.closings[open], open = int32(len(s.items)), s.closings[open]
	}
	s.work += len(s.items)
}

func (s *scan) word(it item) string { return s.text[it.pos:it.end] }
