// Package catalog_test has the tests of internal/catalog, all of which need a
// server, since they are about its parser.
package catalog_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/sqltext"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// connect returns a connection to a new database with the schema of
// schema.sql.
func connect(t *testing.T) *pgx.Conn {
	t.Helper()
	return pgtest.Connect(t, pgtest.NewFrom(t, "catalog", pgtest.Script(schema)))
}

// examine examines a text and checks that nothing of that remains.
func examine(t *testing.T, conn *pgx.Conn, sql string) catalog.Effects {
	t.Helper()
	e, err := catalog.Examine(t.Context(), conn, sqltext.Analyze(sql))
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if status := conn.PgConn().TxStatus(); status != 'I' {
		t.Fatalf("%s: the connection is left in transaction status %c", sql, status)
	}
	return e
}

// names returns the names of relations, those in public unqualified.
func names(relations []catalog.Relation) string {
	var list []string
	for _, r := range relations {
		list = append(list, strings.TrimPrefix(r.String(), "public."))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// refusals returns the texts of the reasons, one per line.
func refusals(e catalog.Effects) string {
	var list []string
	for _, r := range e.Refusals {
		list = append(list, r.String())
	}
	return strings.Join(list, "\n")
}

// locks returns the relations on which the open transaction holds write-level
// locks.
func locks(ctx context.Context, conn *pgx.Conn) ([]catalog.Relation, error) {
	relations, _, err := catalog.Written(ctx, conn)
	return relations, err
}
