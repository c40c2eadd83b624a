package advise_test

import (
	"strings"
	"testing"

	"github.com/headrace/headrace/db/advise"
	"github.com/headrace/headrace/integration/pgtest"
)

// TestHypothetical tries a proposed index where the server has hypopg, and
// otherwise checks that the report says why it did not.
func TestHypothetical(t *testing.T) {
	t.Parallel()
	pg := openShop(t)
	opts := &advise.Options{Hypothetical: true}
	const sql = "SELECT id, total FROM orders WHERE customer_id = $1"

	report := ask(t, pg, opts, sql, 17)
	if a := one(t, report, advise.MissingIndex); a.Tried || report.NotTried != "the extension hypopg is not installed in this database" {
		t.Errorf("without hypopg: tried %v, %q", a.Tried, report.NotTried)
	}
	if report := ask(t, pg, nil, sql, 17); report.NotTried != "" {
		t.Errorf("not asked for: %q", report.NotTried)
	}

	var available bool
	if err := pg.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'hypopg')").Scan(&available); err != nil {
		t.Fatal(err)
	}
	if !available {
		return
	}
	pgtest.Exec(t, pg, "CREATE SCHEMA extensions; CREATE EXTENSION hypopg SCHEMA extensions")
	for _, args := range [][]any{{17}, nil} {
		report = ask(t, pg, opts, sql, args...)
		a := one(t, report, advise.MissingIndex)
		if !a.Tried || report.NotTried != "" || a.CostAfter*2 > a.CostBefore || !strings.Contains(a.Evidence, "tried with hypopg") {
			t.Errorf("tried %v, %q, %s", a.Tried, report.NotTried, a.Evidence)
		}
	}
	report = ask(t, pg, opts, "SELECT id FROM orders WHERE shipped_at IS NULL ORDER BY placed_at LIMIT 20")
	if len(report.Advice) != 1 || report.Advice[0].Tried || !strings.Contains(report.NotTried, "partial") {
		t.Errorf("a partial index: %q, %s", report.NotTried, describe(report))
	}
	var left int
	err := pg.QueryRow(t.Context(), "SELECT count(*) FROM extensions.hypopg_list_indexes").Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d hypothetical indexes left: %v", left, err)
	}
}
