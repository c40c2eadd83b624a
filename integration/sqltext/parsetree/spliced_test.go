//go:build cgo

package parsetree_test

import (
	"flag"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/sqltext"
)

var (
	splices = flag.Int("splices", 20_000, "texts to make of pieces of the corpus")
	seed    = flag.Uint64("seed", 1, "seed of the random splices")
)

// Parts of one statement spliced into another make unforeseen texts. About one
// in ten parses.
func TestSplicedTexts(t *testing.T) {
	random := rand.New(rand.NewPCG(*seed, 0))
	var pool [][]string
	for _, text := range texts() {
		if words := tokensOf(text); len(words) > 0 {
			pool = append(pool, words)
		}
	}
	parsed, plain, unclear := 0, 0, 0
	for range *splices {
		words := pool[random.IntN(len(pool))]
		for range 1 + random.IntN(3) {
			words = splice(random, words, pool[random.IntN(len(pool))])
		}
		text := join(random, words)
		checkTokens(t, text)
		if _, ok := parse(t, withoutComments(text)); !ok {
			continue
		}
		parsed++
		check(t, text)
		if st := sqltext.Analyze(text); plainKind(st.Kind) {
			plain++
			if !st.TablesKnown {
				unclear++
			}
		}
		if len(words) < 200 && random.IntN(4) == 0 {
			pool = append(pool, words)
		}
	}
	t.Logf("seed %d: %d of %d texts parsed", *seed, parsed, *splices)
	t.Logf("tables of %d among %d plain statements are unknown", unclear, plain)
	if unclear > plain/100 {
		t.Errorf("tables of %d among %d plain statements are unknown", unclear, plain)
	}
	if parsed < *splices/20 {
		t.Errorf("only %d of %d texts parsed", parsed, *splices)
	}
}

// separators come between tokens; most of them separate two tokens.
var separators = []string{" ", " ", " ", " ", " ", " ", " ", " ", "\n", "\t \r\n", "/* a /* b */ */", "-- c\n", ""}

func join(random *rand.Rand, words []string) string {
	var text strings.Builder
	for i, word := range words {
		if i > 0 {
			text.WriteString(separators[random.IntN(len(separators))])
		}
		text.WriteString(word)
	}
	return text.String()
}

// plainKind reports whether the text shows all tables of a statement.
func plainKind(kind sqltext.StatementKind) bool {
	switch kind {
	case sqltext.Select, sqltext.Values, sqltext.TableQuery, sqltext.Insert, sqltext.Update, sqltext.Delete, sqltext.Merge:
		return true
	}
	return false
}

func tokensOf(text string) []string {
	var words []string
	l := sqltext.NewLexer(text)
	for {
		token, ok := l.Next()
		if !ok {
			return words
		}
		if token.Kind != sqltext.Space && token.Kind != sqltext.Comment {
			words = append(words, text[token.Pos:token.End])
		}
	}
}

// splice replaces a part of into by a part of from: both a token, or a group in
// parentheses, or a few tokens.
func splice(random *rand.Rand, into, from []string) []string {
	i, j := piece(random, into)
	k, l := piece(random, from)
	words := append([]string{}, into[:i]...)
	words = append(words, from[k:l]...)
	return append(words, into[j:]...)
}

func piece(random *rand.Rand, words []string) (from, to int) {
	from = random.IntN(len(words))
	if words[from] == "(" {
		depth := 0
		for to = from; to < len(words); to++ {
			switch words[to] {
			case "(":
				depth++
			case ")":
				depth--
			}
			if depth == 0 {
				return from, to + 1
			}
		}
	}
	if random.IntN(3) == 0 {
		return from, min(from+1+random.IntN(8), len(words))
	}
	return from, from + 1
}
