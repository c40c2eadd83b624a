//go:build cgo

package parsetree_test

import (
	"slices"
	"testing"

	pgquery "github.com/pganalyze/pg_query_go/v6"

	"github.com/headrace/headrace/integration/sqltext/corpus"
	"github.com/headrace/headrace/internal/sqltext"
)

// BenchmarkCorpus analyzes all statements of the corpus that libpg_query can
// parse: with Analyze, and with Normalize of libpg_query, which does less.
func BenchmarkCorpus(b *testing.B) {
	statements := slices.DeleteFunc(slices.Concat(corpus.Statements, corpus.Utility), func(text string) bool {
		_, err := pgquery.Normalize(text)
		return err != nil
	})
	b.Run("analyze", func(b *testing.B) {
		for b.Loop() {
			for _, text := range statements {
				sqltext.Analyze(text)
			}
		}
	})
	b.Run("pg_query", func(b *testing.B) {
		for b.Loop() {
			for _, text := range statements {
				_, _ = pgquery.Normalize(text)
			}
		}
	})
}
