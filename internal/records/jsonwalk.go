package records

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"unicode/utf8"
)

// members yields the quoted keys and the values of a valid JSON object.
func members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		rest := skipBlank(object[1:])
		for rest[0] != '}' {
			key := rest[:valueEnd(rest)]
			rest = skipBlank(rest[len(key):])
			rest = skipBlank(rest[1:]) // the colon
			value := rest[:valueEnd(rest)]
			if !yield(key, value) {
				return
			}
			if rest = skipBlank(rest[len(value):]); rest[0] == ',' {
				rest = skipBlank(rest[1:])
			}
		}
	}
}

// elements yields the values of a valid JSON array.
func elements(array []byte) iter.Seq[[]byte] {
	return func(yield func(value []byte) bool) {
		rest := skipBlank(array[1:])
		for rest[0] != ']' {
			value := rest[:valueEnd(rest)]
			if !yield(value) {
				return
			}
			if rest = skipBlank(rest[len(value):]); rest[0] == ',' {
				rest = skipBlank(rest[1:])
			}
		}
	}
}

func skipBlank(s []byte) []byte {
	for i, c := range s {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return s[i:]
		}
	}
	return nil
}

// valueEnd returns the length of the first value of valid JSON.
func valueEnd(s []byte) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			i += stringEnd(s[i:]) - 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth == 0 {
				return i // the end of a number or a word
			}
			depth--
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(s)
}

// stringEnd returns the length of a string, its quotes included.
func stringEnd(s []byte) int {
	for i := 1; ; i++ {
		next := bytes.IndexByte(s[i:], '"')
		if escape := bytes.IndexByte(s[i:i+next], '\\'); escape >= 0 {
			i += escape + 1
			continue
		}
		return i + next + 1
	}
}

var errSurrogate = errors.New(`a \u escape that is half a character, or bytes that are not UTF-8`)

// unquote returns the text of a quoted string, without a copy if it has no
// escapes. encoding/json would replace an escape that is not a character by
// U+FFFD, and so change the text.
func unquote(quoted []byte) ([]byte, error) {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner, nil
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return nil, err
	}
	if replaced := bytes.Count([]byte(s), []byte("\uFFFD")); replaced > 0 {
		meant := bytes.Count(inner, []byte("\uFFFD")) + bytes.Count(bytes.ToLower(inner), []byte(`\ufffd`))
		if replaced > meant || !utf8.Valid(inner) {
			return nil, errSurrogate
		}
	}
	return []byte(s), nil
}

// appendArray appends a JSON array in PostgreSQL's notation of arrays. With
// elementsJSON, strings remain JSON.
//
// Source: PostgreSQL manual, "Array Input and Output Syntax".
func appendArray(buf, array []byte, elementsJSON bool) ([]byte, error) {
	buf = append(buf, '{')
	first := true
	for value := range elements(array) {
		if !first {
			buf = append(buf, ',')
		}
		first = false
		switch {
		case string(value) == "null":
			buf = append(buf, "NULL"...)
		case value[0] == '[' && !elementsJSON:
			var err error
			if buf, err = appendArray(buf, value, false); err != nil {
				return buf, err
			}
		case value[0] == '"' && !elementsJSON:
			text, err := unquote(value)
			if err != nil {
				return buf, err
			}
			buf = appendElement(buf, text)
		default:
			buf = appendElement(buf, value)
		}
	}
	return append(buf, '}'), nil
}

// appendElement appends a value in quotes.
func appendElement(buf, text []byte) []byte {
	buf = append(buf, '"')
	for _, c := range text {
		if c == '"' || c == '\\' {
			buf = append(buf, '\\')
		}
		buf = append(buf, c)
	}
	return append(buf, '"')
}
