package target

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
)

// QuoteName quotes the parts of a name in SQL's notation.
func QuoteName(name string) (string, error) {
	var parts []string
	for rest := name; ; {
		part, after, err := namePart(rest)
		if err != nil {
			return "", err
		}
		parts = append(parts, part)
		if after == "" {
			break
		}
		rest = after[1:]
	}
	if len(parts) > 2 {
		return "", errors.New("more than a schema and a table")
	}
	return pgx.Identifier(parts).Sanitize(), nil
}

// namePart cuts the first part of a name; rest is empty or begins with a dot.
func namePart(s string) (part, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		if i := strings.IndexByte(s, '.'); i >= 0 {
			s, rest = s[:i], s[i:]
		}
		if s == "" || strings.ContainsAny(s, " \t\n\"'();,\x00") {
			return "", "", errors.New("not an identifier; one with special characters needs double quotes")
		}
		return strings.ToLower(s), rest, nil
	}
	var b strings.Builder
	for s = s[1:]; ; {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			return "", "", errors.New("a double quote is not closed")
		}
		b.WriteString(s[:i])
		s = s[i+1:]
		if !strings.HasPrefix(s, `"`) {
			break
		}
		b.WriteByte('"')
		s = s[1:]
	}
	if b.Len() == 0 || (s != "" && s[0] != '.') {
		return "", "", errors.New("not an identifier")
	}
	return b.String(), s, nil
}

// Quote returns the identifier in double quotes.
func Quote(identifier string) string { return pgx.Identifier{identifier}.Sanitize() }
