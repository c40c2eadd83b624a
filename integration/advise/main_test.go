// Package advise_test holds the tests of package advise, all of which need a
// server.
package advise_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/advise"
	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// open returns a handle to a database of the test's own, in which the given
// statements have been run.
func open(t *testing.T, setup ...string) *db.DB {
	t.Helper()
	return pgtest.Open(t, pgtest.New(t), nil, setup...)
}

// openShop returns a handle to a database with customers and orders, in which
// the given statements have been run.
func openShop(t *testing.T, setup ...string) *db.DB {
	t.Helper()
	return pgtest.Open(t, pgtest.NewFrom(t, "shop", fillShop), nil, setup...)
}

func fillShop(ctx context.Context, connString string) error {
	conn, err := pgx.Connect(ctx, connString)
	if err != nil {
		return err
	}
	for _, sql := range []string{customers, orders, "VACUUM ANALYZE"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return conn.Close(ctx)
}

// ask returns the report on a statement, which must have a plan.
func ask(t *testing.T, pg *db.DB, opts *advise.Options, sql string, args ...any) *advise.Report {
	t.Helper()
	report, err := advise.Statement(t.Context(), pg, sql, args, opts)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if report.Problem != "" || report.Plan == nil {
		t.Fatalf("%s: problem %q, plan %v", sql, report.Problem, report.Plan)
	}
	return report
}

// of returns the advice of a kind.
func of(all []advise.Advice, kind advise.Kind) []advise.Advice {
	return slices.DeleteFunc(slices.Clone(all), func(a advise.Advice) bool { return a.Kind != kind })
}

// one returns the only advice of a kind.
func one(t *testing.T, report *advise.Report, kind advise.Kind) advise.Advice {
	t.Helper()
	found := of(report.Advice, kind)
	if len(found) != 1 {
		t.Fatalf("%d advice of kind %q, want 1, of %s", len(found), kind, describe(report))
	}
	return found[0]
}

// none fails the test if there is advice of one of the kinds; of any without
// kinds.
func none(t *testing.T, report *advise.Report, kinds ...advise.Kind) {
	t.Helper()
	for _, a := range report.Advice {
		if len(kinds) == 0 || slices.Contains(kinds, a.Kind) {
			t.Errorf("unexpected advice of %s", describe(report))
			return
		}
	}
}

func describe(report *advise.Report) string {
	var out strings.Builder
	out.WriteString(report.Text)
	for _, a := range report.Advice {
		out.WriteString("\n  " + string(a.Kind) + ": " + a.Title + "\n    " + a.Evidence + "\n    " + a.Do + "\n    " + a.SQL)
	}
	var plan func(n *advise.Node, indent string)
	plan = func(n *advise.Node, indent string) {
		out.WriteString("\n" + indent + n.Type + " " + n.Relation + " " + n.Index + " [" + n.Condition + "] [" + n.Filter + "]")
		for _, child := range n.Children {
			plan(child, indent+"  ")
		}
	}
	if report.Plan != nil {
		plan(report.Plan, "  ")
	}
	return out.String()
}
