// Package sqltext_test compares package sqltext's analysis of statements with a
// server's.
package sqltext_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/integration/sqltext/corpus"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// connect returns a connection to a database with the corpus' schema.
func connect(t *testing.T) *pgx.Conn {
	t.Helper()
	return pgtest.Connect(t, pgtest.NewFrom(t, "sqltext", pgtest.Script(corpus.Schema)))
}

// within runs fn in a transaction that is rolled back.
func within(t *testing.T, conn *pgx.Conn, options pgx.TxOptions, fn func(tx pgx.Tx)) {
	t.Helper()
	tx, err := conn.BeginTx(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	fn(tx)
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// An answer is a statement's result, or its error.
func answer(ctx context.Context, tx pgx.Tx, sql string) string {
	results, err := tx.Conn().PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		return "error: " + err.Error()
	}
	text := ""
	for _, result := range results {
		for _, field := range result.FieldDescriptions {
			text += field.Name + "\t"
		}
		for _, row := range result.Rows {
			text += "\n"
			for _, value := range row {
				text += string(value) + "\t"
			}
		}
		text += "\n" + result.CommandTag.String() + "\n"
	}
	return text
}
