package sqltext_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/integration/sqltext/corpus"
	"github.com/headrace/headrace/internal/sqltext"
)

// The server locks each relation that a statement names, in a mode that
// distinguishes reading from writing.
func TestTablesEqualServerLocks(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	for _, text := range corpus.Statements {
		st := sqltext.Analyze(text)
		within(t, conn, pgx.TxOptions{}, func(tx pgx.Tx) {
			if _, err := tx.Exec(t.Context(), text); err != nil {
				t.Errorf("%s: %v", text, err)
				return
			}
			for _, claim := range []struct {
				name  string
				modes []string
				names []sqltext.Table
			}{
				{"reads", []string{"AccessShareLock", "RowShareLock"}, st.Reads},
				{"writes", []string{"RowExclusiveLock"}, st.Writes},
			} {
				got, want := resolved(claim.names), locked(t, tx, claim.modes)
				if !slices.Equal(got, want) {
					t.Errorf("%s\n%s %q, for the server %q", text, claim.name, got, want)
				}
			}
		})
		if !st.TablesKnown {
			t.Errorf("%s: tables unknown", text)
		}
	}
}

func resolved(tables []sqltext.Table) []string {
	var names []string
	for _, table := range tables {
		if table.Schema == "" {
			table.Schema = "public"
		}
		names = append(names, table.Schema+"."+table.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func locked(t *testing.T, tx pgx.Tx, modes []string) []string {
	t.Helper()
	rows, err := tx.Query(t.Context(), `
		SELECT DISTINCT n.nspname || '.' || c.relname COLLATE "C"
		FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE l.pid = pg_backend_pid() AND l.mode = ANY($1) AND c.relkind = 'r' AND n.nspname IN ('public', 'geo')
		ORDER BY 1`, modes)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestReadOnlyAgreesWithReadOnlyTransactions(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	counts := map[sqltext.Claim]int{}
	for _, text := range append(slices.Clone(corpus.Statements), corpus.Utility...) {
		st := sqltext.Analyze(text)
		counts[st.ReadOnly]++
		if st.ReadOnly == sqltext.Unknown {
			continue
		}
		within(t, conn, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) {
			_, err := tx.Exec(t.Context(), text, pgx.QueryExecModeSimpleProtocol)
			var pgErr *pgconn.PgError
			refused := errors.As(err, &pgErr) && pgErr.Code == "25006"
			if err != nil && !refused {
				t.Errorf("%s: %v", text, err)
			}
			if refused != (st.ReadOnly == sqltext.No) {
				t.Errorf("%s\nread only %v, the server says %v", text, st.ReadOnly, err)
			}
		})
	}
	for _, claim := range []sqltext.Claim{sqltext.Yes, sqltext.No, sqltext.Unknown} {
		if counts[claim] < 10 {
			t.Errorf("the corpus has %d statements with the claim %v", counts[claim], claim)
		}
	}
}
