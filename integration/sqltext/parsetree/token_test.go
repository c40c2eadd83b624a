//go:build cgo

package parsetree_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	pgquery "github.com/pganalyze/pg_query_go/v6"

	"github.com/headrace/headrace/internal/sqltext"
)

func TestTokensOfTheCorpus(t *testing.T) {
	for _, text := range texts() {
		checkTokens(t, text)
	}
}

// FuzzAgainstScanner looks for a text that the server's scanner splits
// differently.
func FuzzAgainstScanner(f *testing.F) {
	for _, text := range texts() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !strings.ContainsRune(text, 0) && utf8.ValidString(text) {
			checkTokens(t, text)
		}
	})
}

// checkTokens compares the tokens of both. Where the server's scanner gives up,
// the lexer may continue to the end: the parser finds errors too.
func checkTokens(t *testing.T, text string) {
	t.Helper()
	if commentInString(text) {
		return
	}
	scan, err := pgquery.Scan(text)
	if err != nil {
		return
	}
	var want []span
	for _, token := range scan.GetTokens() {
		want = append(want, span{int(token.GetStart()), int(token.GetEnd())})
	}
	got, lexError := spans(text)
	if lexError != nil && beyondScanner(lexError) {
		return
	}
	if want = joined(text, want); !slices.Equal(got, want) || lexError != nil {
		t.Fatalf("%q is cut\n%q, by the server\n%q (%v)", text, pieces(text, got), pieces(text, want), lexError)
	}
}

// commentInString reports whether a comment may stand between parts of a
// string. libpg_query makes tokens of comments, and then does not read on to
// the next part, as servers do.
func commentInString(text string) bool {
	list, _ := spans(text)
	return slices.ContainsFunc(list, func(s span) bool {
		token := text[s.pos:s.end]
		return strings.HasSuffix(token, "'") && strings.Contains(token, "--")
	})
}

// withoutComments returns text with a blank for each comment: libpg_query does
// not look past a comment for the second word of WITH TIME, FORMAT JSON and so
// on. checkTokens compares which parts of a text are comments.
func withoutComments(text string) string {
	var out strings.Builder
	l := sqltext.NewLexer(text)
	for {
		token, ok := l.Next()
		if !ok {
			return out.String()
		}
		if token.Kind == sqltext.Comment {
			out.WriteByte(' ')
		} else {
			out.WriteString(text[token.Pos:token.End])
		}
	}
}

type span struct{ pos, end int }

func spans(text string) ([]span, error) {
	var list []span
	l := sqltext.NewLexer(text)
	for {
		token, ok := l.Next()
		if !ok {
			return list, l.Err()
		}
		if token.Kind != sqltext.Space {
			list = append(list, span{token.Pos, token.End})
		}
	}
}

// beyondScanner reports whether an error is left to the server's parser: for
// characters that begin no token, and for characters that must not follow a
// number.
func beyondScanner(err error) bool {
	return beyondParser(err) || strings.Contains(err.Error(), "unexpected character") || strings.Contains(err.Error(), "trailing junk")
}

// joined joins tokens that the server's scanner splits in two: N and 'x'.
func joined(text string, list []span) []span {
	var out []span
	for _, s := range list {
		if n := len(out); n > 0 && out[n-1].end == s.pos && text[s.pos] == '\'' && strings.EqualFold(text[out[n-1].pos:out[n-1].end], "n") {
			out[n-1].end = s.end
			continue
		}
		out = append(out, s)
	}
	return out
}

func pieces(text string, list []span) []string {
	var out []string
	for _, s := range list {
		out = append(out, text[s.pos:s.end])
	}
	return out
}
