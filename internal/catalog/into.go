package catalog

import (
	"strings"

	"github.com/headrace/headrace/internal/sqltext"
)

// makesTable reports whether a query may be a SELECT INTO, which changes the
// schema: it has an INTO that does not belong to a data-modifying query in
// WITH. EXPLAIN ANALYZE may run one too. INSERT and MERGE may also be names.
func makesTable(st *sqltext.Statement) bool {
	if st.Kind != sqltext.Select && st.Kind != sqltext.Explain {
		return false
	}
	var before [2]string // the preceding tokens
	for l := sqltext.NewLexer(st.Text); ; {
		token, ok := l.Next()
		if !ok {
			return l.Err() != nil
		}
		if token.Kind == sqltext.Space || token.Kind == sqltext.Comment {
			continue
		}
		word := strings.ToLower(st.Text[token.Pos:token.End])
		inWith := before[0] == "(" && (before[1] == "insert" || before[1] == "merge")
		if token.Kind == sqltext.Word && word == "into" && !inWith {
			return true
		}
		before[0], before[1] = before[1], word
	}
}
