package target

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
)

// QuoteName parses the name of a table, with or without a schema, as SQL does,
// and returns it quoted.
func QuoteName(name string) (string, error) {
	var identifiers []string
	for rest := name; ; {
		identifier, after, err := firstIdentifier(rest)
		if err != nil {
			return "", err
		}
		identifiers = append(identifiers, identifier)
		if after == "" {
			break
		}
		rest = after[1:]
	}
	if len(identifiers) > 2 {
		return "", errors.New("more than a schema and a table")
	}
	return pgx.Identifier(identifiers).Sanitize(), nil
}

// firstIdentifier returns the first identifier of a name and the rest, which is
// empty or begins with a dot.
func firstIdentifier(s string) (identifier, rest string, err error) {
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
