package sqltext

import "strings"

// quoted reads a string constant whose token starts at start and whose opening
// quote is at i. Constants separated only by white space with a line end are
// one constant; the prefix of the first applies to all of them.
func (l *Lexer) quoted(start, i int) int {
	prefix := l.text[start] | 0x20
	for {
		end := l.quoteEnd(i, prefix)
		if end < 0 {
			_, end = l.fail(start, "unterminated quoted string")
			return end
		}
		next, continued := continuation(l.text, end)
		l.work += next - end
		if !continued {
			return end
		}
		i = next
	}
}

// quoteEnd returns the index after the quote that closes the one at i, or -1.
// With prefix e a backslash escapes; with b and x two quotes are not one.
func (l *Lexer) quoteEnd(i int, prefix byte) int {
	for i++; i < len(l.text); i++ {
		switch l.text[i] {
		case '\\':
			if prefix == 'e' {
				i++
			}
		case '\'':
			if l.at(i+1) != '\'' || prefix == 'b' || prefix == 'x' {
				return i + 1
			}
			i++
		}
	}
	return -1
}

// continuation reports whether a constant that was closed before i continues,
// and the index of its next quote: after white space with at least one line
// end, which may contain -- comments, but not /* */.
func continuation(text string, i int) (quote int, ok bool) {
	lines := false
	for i < len(text) {
		switch c := text[i]; {
		case c == '\n' || c == '\r':
			lines = true
			i++
		case class[c] == blank:
			i++
		case c == '-' && i+1 < len(text) && text[i+1] == '-':
			i = lineEnd(text, i)
		default:
			return i, lines && c == '\''
		}
	}
	return i, false
}

// quotedName reads a quoted name whose token starts at start and whose opening
// quote is at i.
func (l *Lexer) quotedName(start, i int) int {
	for end := i + 1; end < len(l.text); end++ {
		if l.text[end] != '"' {
			continue
		}
		if l.at(end+1) == '"' {
			end++
			continue
		}
		if end == i+1 {
			_, end = l.fail(start, "empty quoted identifier")
			return end
		}
		return end + 1
	}
	_, end := l.fail(start, "unterminated quoted identifier")
	return end
}

// dollar reads a parameter or a dollar-quoted string.
func (l *Lexer) dollar(i int) (Kind, int) {
	next := l.at(i + 1)
	if class[next] == digit {
		return l.param(i)
	}
	tag := i + 1
	if class[next] == letter {
		for class[l.at(tag)] == letter || class[l.at(tag)] == digit {
			tag++
		}
	}
	if l.at(tag) != '$' {
		return l.fail(i, "unexpected character '$'")
	}
	delimiter := l.text[i : tag+1]
	n := strings.Index(l.text[tag+1:], delimiter)
	if n < 0 {
		return l.fail(i, "unterminated dollar-quoted string")
	}
	return String, tag + 1 + n + len(delimiter)
}

// maxParam is the highest parameter number that the protocol can carry.
const maxParam = 65535

func (l *Lexer) param(i int) (Kind, int) {
	end := l.skip(i+1, digit)
	if class[l.at(end)] == letter {
		return l.fail(i, "trailing junk after parameter")
	}
	if paramNumber(l.text[i:end]) > maxParam {
		return l.fail(i, "parameter number too large")
	}
	return Param, end
}

// paramNumber returns the number of a parameter token, and maxParam+1 for all
// larger numbers.
func paramNumber(token string) int {
	n := 0
	for _, c := range []byte(token[1:]) {
		n = min(n*10+int(c-'0'), maxParam+1)
	}
	return n
}

// number reads a numeric constant, which may begin with a point. A word or a
// parameter may not follow directly: 1a, 1$2.
func (l *Lexer) number(i int) int {
	end := l.digits(i, isDecimal)
	switch l.at(i+1) | 0x20 {
	case 'x':
		end = l.radix(i, end, isHex)
	case 'o':
		end = l.radix(i, end, isOctal)
	case 'b':
		end = l.radix(i, end, isBinary)
	default:
		if l.at(end) == '.' && l.at(end+1) != '.' { // 1..10 is 1 .. 10
			end = l.digits(end+1, isDecimal)
		}
		end = l.exponent(end)
	}
	switch class[l.at(end)] {
	case letter, digit, dollar: // a digit: 0b12
		_, end = l.fail(i, "trailing junk after numeric literal")
	}
	return end
}

// radix returns the end of a constant such as 0x1F, or end if there is none.
func (l *Lexer) radix(i, end int, is func(byte) bool) int {
	if l.text[i] != '0' {
		return end
	}
	from := i + 2
	if l.at(from) == '_' {
		from++
	}
	if !is(l.at(from)) {
		return end
	}
	return l.digits(from, is)
}

// exponent returns the end of the exponent that begins at i, or i if there is
// none.
func (l *Lexer) exponent(i int) int {
	if l.at(i)|0x20 != 'e' {
		return i
	}
	from := i + 1
	if c := l.at(from); c == '+' || c == '-' {
		from++
	}
	if !isDecimal(l.at(from)) {
		return i
	}
	return l.digits(from, isDecimal)
}

// digits returns the end of digits, which single underscores may separate.
func (l *Lexer) digits(i int, is func(byte) bool) int {
	if !is(l.at(i)) {
		return i
	}
	for i++; ; i++ {
		if c := l.at(i); !is(c) && (c != '_' || !is(l.at(i+1))) {
			return i
		}
	}
}

func isDecimal(c byte) bool { return '0' <= c && c <= '9' }
func isOctal(c byte) bool   { return '0' <= c && c <= '7' }
func isBinary(c byte) bool  { return c == '0' || c == '1' }
func isHex(c byte) bool     { return isDecimal(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
