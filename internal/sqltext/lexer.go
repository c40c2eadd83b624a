package sqltext

import (
	"fmt"
	"strings"
)

// Kind is the kind of a [Token].
type Kind uint8

// The kinds of tokens. White space and comments are tokens too: the tokens of a
// text cover it without gaps.
const (
	Invalid    Kind = iota // the unreadable rest of a text; see [Lexer.Err]
	Space                  // blanks, tabs, line ends
	Comment                // -- to the end of the line, or /* */, which nests
	Word                   // an unquoted identifier or key word
	QuotedName             // "name" or U&"name"
	String                 // any string constant with its prefix; a continued one ('a' newline 'b') is one token
	Number                 // an unsigned numeric constant
	Param                  // $1
	Operator               // a run of operator characters, split as the server does
	Symbol                 // one of , ( ) [ ] . ; : :: := ..
)

// A Token is a part of a text, in byte offsets.
type Token struct {
	Kind     Kind
	Pos, End int
}

// A Lexer splits a text into tokens by the rules of PostgreSQL's scanner
// (src/backend/parser/scan.l of versions 15 to 18), with
// standard_conforming_strings on. Numbers follow version 16, which accepts more
// forms (0x1F, 1_000); version 15 still rejects those itself.
//
// A Lexer is not safe for concurrent use.
type Lexer struct {
	text string
	pos  int
	err  *Error
	run  operatorRun // the last one
	work int         // bytes inspected ahead of tokens, for tests
}

// NewLexer returns a lexer at the beginning of text.
func NewLexer(text string) *Lexer { return &Lexer{text: text} }

// Next returns the next token, and reports false after the last one. If the
// text cannot be read further, the last token is [Invalid] and extends to the
// end of the text, and Err returns the reason.
func (l *Lexer) Next() (Token, bool) {
	start := l.pos
	if start >= len(l.text) {
		return Token{}, false
	}
	kind, end := l.scan(start)
	if l.err != nil {
		kind, end = Invalid, len(l.text)
	}
	l.pos = end
	return Token{Kind: kind, Pos: start, End: end}, true
}

// Err returns nil, or an [*Error] once Next has returned an [Invalid] token.
func (l *Lexer) Err() error {
	if l.err == nil {
		return nil
	}
	return l.err
}

// An Error reports why, and from which position on, a text cannot be read.
type Error struct {
	Pos          int // byte offset into the text
	Line, Column int // the same position, counted from 1, columns in characters
	Reason       string
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Reason)
}

func newError(text string, pos int, reason string) *Error {
	before := text[:pos]
	line := 1 + strings.Count(before, "\n")
	column := 1 + len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
	return &Error{Pos: pos, Line: line, Column: column, Reason: reason}
}

// scan returns the kind and end of the token that starts at i.
func (l *Lexer) scan(i int) (Kind, int) {
	switch c := l.text[i]; class[c] {
	case blank:
		return Space, l.skip(i, blank)
	case letter:
		return l.letter(i)
	case digit:
		return Number, l.number(i)
	case operator:
		return l.operator(i)
	case symbol:
		return l.symbol(i)
	case quote:
		if c == '"' {
			return QuotedName, l.quotedName(i, i)
		}
		return String, l.quoted(i, i)
	case dollar:
		return l.dollar(i)
	default:
		return l.fail(i, fmt.Sprintf("unexpected character %q", c))
	}
}

func (l *Lexer) fail(pos int, reason string) (Kind, int) {
	l.err = newError(l.text, pos, reason)
	return Invalid, len(l.text)
}

// at returns the byte at i, and 0 beyond the end.
func (l *Lexer) at(i int) byte {
	if i < len(l.text) {
		return l.text[i]
	}
	return 0
}

// skip returns the first index from i on whose byte is not of class c.
func (l *Lexer) skip(i int, c uint8) int {
	for i < len(l.text) && class[l.text[i]] == c {
		i++
	}
	return i
}

// letter reads a word, or a constant or name that begins with a letter prefix:
// E'x', B'1', X'1F', N'x', U&'x' and U&"x".
func (l *Lexer) letter(i int) (Kind, int) {
	if next := l.at(i + 1); next == '\'' {
		switch l.text[i] | 0x20 {
		case 'b', 'e', 'n', 'x':
			return String, l.quoted(i, i+1)
		}
	} else if next == '&' && l.text[i]|0x20 == 'u' {
		switch l.at(i + 2) {
		case '\'':
			return String, l.quoted(i, i+2)
		case '"':
			return QuotedName, l.quotedName(i, i+2)
		}
	}
	return Word, l.word(i)
}

// word returns the end of the identifier that starts at i.
func (l *Lexer) word(i int) int {
	for i < len(l.text) {
		switch class[l.text[i]] {
		case letter, digit, dollar:
			i++
		default:
			return i
		}
	}
	return i
}

// symbol reads punctuation; a point may begin a number instead.
func (l *Lexer) symbol(i int) (Kind, int) {
	next := l.at(i + 1)
	switch l.text[i] {
	case '.':
		if class[next] == digit {
			return Number, l.number(i)
		}
		if next == '.' {
			return Symbol, i + 2
		}
	case ':':
		if next == ':' || next == '=' {
			return Symbol, i + 2
		}
	}
	return Symbol, i + 1
}

// operator reads an operator or a comment. An operator ends before a comment,
// and may end in + or - only if it contains one of ~!@#^&|`?%, so that x=-1 and
// a*-1 are read as intended.
func (l *Lexer) operator(i int) (Kind, int) {
	if l.comment(i) {
		return l.commentEnd(i)
	}
	if i >= l.run.end {
		l.run = l.operatorRun(i)
	}
	if l.run.free >= i {
		return Operator, l.run.end
	}
	return Operator, max(i+1, l.run.signs)
}

// An operatorRun is a sequence of operator characters. It is kept while
// operators are split off its front, which may be one character long each.
type operatorRun struct {
	end   int // where it ends
	signs int // where the trailing + and - begin
	free  int // the last character that allows an operator to end in + or -; -1 for none
}

func (l *Lexer) operatorRun(i int) operatorRun {
	run := operatorRun{end: i, signs: i, free: -1}
	for run.end < len(l.text) && class[l.text[run.end]] == operator && (run.end == i || !l.comment(run.end)) {
		at := run.end
		run.end++
		switch l.text[at] {
		case '+', '-':
			continue
		case '~', '!', '@', '#', '^', '&', '|', '`', '?', '%':
			run.free = at
		}
		run.signs = run.end
	}
	l.work += run.end - i
	return run
}

// comment reports whether a comment begins at i.
func (l *Lexer) comment(i int) bool {
	c, next := l.text[i], l.at(i+1)
	return c == '-' && next == '-' || c == '/' && next == '*'
}

func (l *Lexer) commentEnd(i int) (Kind, int) {
	if l.text[i] == '-' {
		return Comment, lineEnd(l.text, i)
	}
	depth := 1
	for at := i + 2; at+1 < len(l.text); at++ {
		switch {
		case l.text[at] == '/' && l.text[at+1] == '*':
			depth++
			at++
		case l.text[at] == '*' && l.text[at+1] == '/':
			depth--
			at++
			if depth == 0 {
				return Comment, at + 1
			}
		}
	}
	return l.fail(i, "unterminated /* comment")
}

// lineEnd returns the end of the line that contains i, without its line end.
func lineEnd(text string, i int) int {
	if n := strings.IndexAny(text[i:], "\n\r"); n >= 0 {
		return i + n
	}
	return len(text)
}

// Classes of bytes, by the tokens that may start with them.
const (
	other    uint8 = iota
	blank          // since version 16 the vertical tab too
	letter         // all bytes beyond ASCII are letters
	digit          //
	operator       //
	symbol         //
	quote          //
	dollar         //
)

var class = func() (table [256]uint8) {
	set := func(c uint8, chars string) {
		for i := range len(chars) {
			table[chars[i]] = c
		}
	}
	set(blank, " \t\n\r\f\v")
	set(letter, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
	set(digit, "0123456789")
	set(operator, "~!@#^&|`?+-*/%<>=")
	set(symbol, ",()[].;:")
	set(quote, `'"`)
	set(dollar, "$")
	for c := 0x80; c <= 0xff; c++ {
		table[c] = letter
	}
	return table
}()
