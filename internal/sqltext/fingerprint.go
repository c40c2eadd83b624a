package sqltext

import "bytes"

// appendFingerprint appends the text that fingerprints are made of: the
// normalized text without hints, with each literal and parameter as "?" and
// lists of any length as one element: IN (?), VALUES (?, ?), ARRAY[?]. An
// unreadable rest is left out, so that no literal shows.
func appendFingerprint(out []byte, s *scan) []byte {
	f := fingerprinter{scan: s, out: out, lists: s.lists[:0]}
	items := trimSemicolons(s.items)
	for i := 0; i < len(items); {
		if i == 0 || items[i-1].key == ';' {
			if next := f.command(items, i); next > i {
				i = next
				continue
			}
		}
		i = f.add(items, i) + 1
		i = f.named(items, i)
	}
	f.endRows(item{})
	s.lists = f.lists
	if s.err != nil {
		f.out = append(f.out, " …"...)
	}
	return f.out
}

// literal stands for every literal and parameter.
const literal = '?'

type fingerprinter struct {
	*scan
	out   []byte
	prev  item
	depth int
	first keyword // of the current statement

	beforePrev keyword
	lists      []list // open lists, innermost last
}

// A list is a list whose equal neighbours are merged: the elements of IN () and
// ARRAY[], or the rows of VALUES.
type list struct {
	depth       int // number of parentheses around its commas
	rows        bool
	prev, start int // offsets in out of the previous and the current element; prev is -1 for none
	prevEnd     int
}

// add appends the item at i and returns the index of the last item that it
// consumed.
func (f *fingerprinter) add(items []item, i int) int {
	it := items[i]
	f.endRows(it)
	switch {
	case it.key == '(' || it.key == '[':
		f.open(items, i)
		return i
	case it.key == ')' || it.key == ']':
		f.close(it)
		return i
	case it.key == ',':
		f.comma(it)
		return i
	}
	if end, ok := f.literalAt(items, i); ok {
		f.literal()
		return end
	}
	f.emit(it)
	if it.key == kwValues && i+1 < len(items) && items[i+1].key == '(' {
		f.lists = append(f.lists, list{depth: f.depth, rows: true, prev: -1, start: len(f.out)})
	}
	return i
}

// literalAt reports whether a literal begins at i, and the index of its last
// item.
func (f *fingerprinter) literalAt(items []item, i int) (end int, ok bool) {
	switch it := items[i]; it.kind {
	case Number, Param:
		return i, true
	case String:
		if keyAt(items, i+1) == kwUescape && i+2 < len(items) && items[i+2].kind == String {
			return i + 2, true
		}
		return i, true
	case Operator: // the sign of a number
		return i + 1, it.key == '-' && !endsOperand(f.prev) && i+1 < len(items) && items[i+1].kind == Number
	case Word:
		switch it.key {
		case kwTrue, kwFalse, kwNull:
			return i, f.prev.key != kwIs && f.prev.key != kwNot && f.prev.key != '.' && f.prev.key != kwAs && keyAt(items, i+1) != '.'
		case kwDefault:
			return i, len(f.lists) > 0 && f.lists[len(f.lists)-1].rows
		}
	}
	return i, false
}

// endsOperand reports whether a minus after the item is a binary operator.
func endsOperand(it item) bool {
	switch it.kind {
	case Number, Param, String, QuotedName:
		return true
	case Word:
		switch it.key {
		case kwBy, kwBetween, kwOf:
			return false
		case kwEnd:
			return true
		}
		return !it.key.reserved() || it.key.valueFunction()
	}
	return it.key == ')' || it.key == ']'
}

func (f *fingerprinter) open(items []item, i int) {
	it, before := items[i], f.prev.key
	f.emit(it)
	f.depth++
	if (it.key == '(' && before == kwIn || it.key == '[' && before == kwArray) && !startsQuery(items, i+1) {
		f.lists = append(f.lists, list{depth: f.depth, prev: -1, start: len(f.out)})
	}
}

func (f *fingerprinter) close(it item) {
	f.merge()
	if n := len(f.lists); n > 0 && f.lists[n-1].depth == f.depth {
		f.lists = f.lists[:n-1]
	}
	f.depth--
	f.emit(it)
}

func (f *fingerprinter) comma(it item) {
	f.merge()
	f.emit(it)
	if n := len(f.lists); n > 0 && f.lists[n-1].depth == f.depth {
		f.lists[n-1].start = len(f.out)
	}
}

// endRows ends the rows of VALUES before an item that is neither a row nor a
// comma.
func (f *fingerprinter) endRows(it item) {
	n := len(f.lists)
	if n == 0 || !f.lists[n-1].rows || f.lists[n-1].depth != f.depth {
		return
	}
	switch it.key {
	case '(', ',':
	case ')':
	default:
		f.merge()
		f.lists = f.lists[:n-1]
	}
}

// merge removes the last element and the comma before it if the element equals
// the previous one.
func (f *fingerprinter) merge() {
	n := len(f.lists)
	if n == 0 || f.lists[n-1].depth != f.depth {
		return
	}
	l := &f.lists[n-1]
	element := bytes.TrimSpace(f.out[l.start:])
	if l.prev >= 0 && f.same(element, bytes.TrimSpace(f.out[l.prev:l.prevEnd])) {
		f.out = f.out[:l.prevEnd]
		return
	}
	l.prev, l.prevEnd = l.start, len(f.out)
}

// same reports whether two elements are equal and contain a literal.
func (f *fingerprinter) same(a, b []byte) bool {
	if len(a) != len(b) {
		return false // before comparing them: in nested lists they are long
	}
	f.work += len(a)
	return bytes.Equal(a, b) && bytes.IndexByte(a, literal) >= 0
}

func (f *fingerprinter) emit(it item) {
	f.out = appendItem(f.out, f.text, f.prev, it)
	f.beforePrev, f.prev = f.prev.key, it
}

func (f *fingerprinter) literal() { f.write(item{kind: Param, look: likeParam}, "?") }

func (f *fingerprinter) write(it item, word string) {
	if !tight(f.prev, it) {
		f.out = append(f.out, ' ')
	}
	f.out = append(f.out, word...)
	f.beforePrev, f.prev = f.prev.key, it
}

// startsQuery reports whether the item at i, after a parenthesis, begins a
// query.
func startsQuery(items []item, i int) bool {
	if i >= len(items) {
		return false
	}
	switch items[i].key {
	case kwSelect, kwWith, kwTable:
		return true
	case kwValues: // also a column's name
		return i+1 < len(items) && items[i+1].key == '('
	}
	return false
}
