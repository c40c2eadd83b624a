package advise_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db/advise"
	"github.com/headrace/headrace/integration/pgtest"
)

// secret is a constant that must not show anywhere.
const secret = "hunter2"

func TestTop(t *testing.T) {
	t.Parallel()
	pg := openShop(t)
	for range 3 {
		pgtest.Exec(t, pg, "SELECT id FROM orders WHERE customer_id = $1", 17)
		pgtest.Exec(t, pg, "-- name: OpenOrders :many\nSELECT * FROM orders WHERE status = $1 ORDER BY placed_at DESC LIMIT $2", "done", 10)
	}
	pgtest.Exec(t, pg, "SELECT id FROM customers WHERE filler = '"+secret+"'")
	pgtest.Exec(t, pg, "SELECT 1; SELECT '"+secret+"'", pgx.QueryExecModeSimpleProtocol)
	pgtest.Exec(t, pg, "SET application_name = '"+secret+"'")
	pgtest.Exec(t, pg, "DO $$ BEGIN PERFORM '"+secret+"'; END $$")
	if _, err := pg.CopyFrom(t.Context(), pgx.Identifier{"customers"}, []string{"id", "email", "country", "filler"},
		pgx.CopyFromRows([][]any{{0, secret, "", ""}})); err != nil {
		t.Fatal(err)
	}
	before := len(pg.Stats().Statements)

	reports, err := advise.Top(t.Context(), pg, 100, &advise.Options{Analyze: true, Hypothetical: true, Type: reflect.TypeFor[struct{}]()})
	if err != nil {
		t.Fatal(err)
	}
	if len(reports) < before-1 {
		t.Errorf("%d reports of %d statements", len(reports), before)
	}
	if after := len(pg.Stats().Statements); after != before {
		t.Errorf("%d statements in Stats after %d: those of the package count", after, before)
	}
	problems, found := 0, make(map[string]string)
	for _, report := range reports {
		if report.Rebuilt {
			t.Errorf("the text of %s was not remembered", report.Text)
		}
		if shown := fmt.Sprintf("%s %+v", describe(report), report); strings.Contains(shown, secret) {
			t.Errorf("a constant shows: %s", shown)
		}
		if (report.Plan == nil) != (report.Problem != "") {
			t.Errorf("plan %v with problem %q of %s", report.Plan, report.Problem, describe(report))
		}
		if report.Problem != "" {
			problems++
		}
		none(t, report, advise.UnreadColumns) // Type belongs to one statement
		for _, a := range report.Advice {
			found[a.SQL] = report.Name
		}
	}
	if problems < 3 {
		t.Errorf("%d problems, want those of several statements, of DO and of COPY", problems)
	}
	if _, ok := found["CREATE INDEX CONCURRENTLY ON public.orders (customer_id)"]; !ok {
		t.Errorf("no index on customer_id in %v", found)
	}
	if _, ok := found["CREATE INDEX CONCURRENTLY ON public.customers (filler)"]; !ok {
		t.Errorf("no index for the constant in %v", found)
	}
	if name := found["CREATE INDEX CONCURRENTLY ON public.orders (status, placed_at)"] + found["CREATE INDEX CONCURRENTLY ON public.orders (placed_at)"]; name != "OpenOrders" {
		t.Errorf("no index for the order in %v", found)
	}
	if few, err := advise.Top(t.Context(), pg, 1, nil); err != nil || len(few) != 1 || few[0].Text != pg.Stats().Statements[0].Text {
		t.Errorf("the first of the top: %v, %v", few, err)
	}
}

// TestProblems asks about statements without a plan.
func TestProblems(t *testing.T) {
	t.Parallel()
	connString := pgtest.New(t)
	admin := pgtest.Open(t, connString, nil, "CREATE TABLE t (id int PRIMARY KEY, name text)")
	for _, tc := range []struct {
		sql  string
		args []any
		want string
	}{
		{"SELECT 1; SELECT 2", nil, "several statements"},
		{"COPY t TO STDOUT", nil, "COPY"},
		{"VACUUM", nil, "no plan"},
		{"CREATE TABLE u (id int)", nil, "no plan"},
		{"SELECT 'unfinished", nil, "cannot be read"},
		{"", nil, "no plan"},
		{"SELECT * FROM missing", nil, "table does not exist (SQLSTATE 42P01)"},
		{"SELECT missing FROM t", nil, "column does not exist"},
		{"SELECT * FROM t WHERE id = '" + secret + "'", nil, "not a value of its type"},
		{"SELECT * FROM t WHERE id = $1", []any{secret}, "a constant or argument"},
		{"SELECT * FROM t WHERE id = $1", []any{1, 2}, "arguments do not fit"},
		{"SELECT FROM WHERE", nil, "SQLSTATE 42601"},
	} {
		report, err := advise.Statement(t.Context(), admin, tc.sql, tc.args, &advise.Options{Analyze: true})
		if err != nil {
			t.Errorf("%q: %v", tc.sql, err)
			continue
		}
		if !strings.Contains(report.Problem, tc.want) || strings.Contains(report.Problem+describe(report), secret) || report.Plan != nil {
			t.Errorf("%q: problem %q, want %q", tc.sql, report.Problem, tc.want)
		}
	}
}

func TestMissingRights(t *testing.T) {
	t.Parallel()
	connString := pgtest.New(t)
	pgtest.Open(t, connString, nil, "CREATE TABLE t (id int)")
	pg := pgtest.Open(t, connString+"&role=pg_monitor", nil)
	report, err := advise.Statement(t.Context(), pg, "SELECT * FROM t", nil, nil)
	if err != nil || !strings.Contains(report.Problem, "lacks a right") {
		t.Errorf("problem %+v, %v", report, err)
	}
	if reports, err := advise.Top(t.Context(), pg, 10, nil); err != nil {
		t.Errorf("%v, %v", reports, err)
	}
	if _, err := advise.Schema(t.Context(), pg); err != nil {
		t.Error(err)
	}
}

// TestNothingChanges measures statements that would change something, and
// checks that the connection is as it was.
func TestNothingChanges(t *testing.T) {
	t.Parallel()
	connString := pgtest.New(t)
	pg := pgtest.Open(t, connString+"&pool_max_conns=1", nil, `CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 50000);
		CREATE SEQUENCE s; CREATE FUNCTION boom() RETURNS int LANGUAGE sql AS 'DELETE FROM t RETURNING 1';
		CREATE VIEW sneaky AS SELECT nextval('s') AS n`, "VACUUM ANALYZE t")
	for _, sql := range []string{
		"DELETE FROM t", "UPDATE t SET id = id + 1000", "INSERT INTO t VALUES (1000)", "SELECT nextval('s')", "SELECT boom()",
		"WITH gone AS (DELETE FROM t RETURNING id) SELECT * FROM gone", "SELECT * FROM t FOR UPDATE", "SELECT set_config('work_mem', '1MB', false)",
		"SELECT n FROM sneaky", "SELECT pg_advisory_lock(1)", "SELECT id INTO u FROM t",
	} {
		report, err := advise.Statement(t.Context(), pg, sql, nil, &advise.Options{Analyze: true})
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		if report.Problem == "" && (report.NotMeasured == "" || report.Plan.Measured) {
			t.Errorf("%s was measured", sql)
		}
	}
	report := ask(t, pg, &advise.Options{Analyze: true}, "SELECT count(*) FROM t WHERE id > $1 AND now() > '2020-01-01'", 5)
	if report.NotMeasured != "" || !report.Plan.Measured || report.Plan.ActualRows != 1 || report.Plan.Buffers == 0 {
		t.Errorf("not measured: %q, %+v", report.NotMeasured, report.Plan)
	}
	one(t, ask(t, pg, &advise.Options{Analyze: true}, "SELECT id FROM t WHERE ($1::int IS NULL OR id = $1)", 5), advise.GenericPlan)
	var rows, used, locks, prepared int
	var timeout, path, mode string
	err := pg.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM t), (SELECT last_value FROM s) + is_called::int,
		(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()), (SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'headrace%'),
		current_setting('statement_timeout'), current_setting('search_path'), current_setting('plan_cache_mode') FROM s`).
		Scan(&rows, &used, &locks, &prepared, &timeout, &path, &mode)
	if err != nil || rows != 50000 || used != 1 || locks != 0 || prepared != 0 || timeout != "0" || path != `"$user", public` || mode != "auto" {
		t.Errorf("rows %d, sequence %d, locks %d, prepared %d, timeout %s, path %s, mode %s: %v", rows, used, locks, prepared, timeout, path, mode, err)
	}
}

// TestTimeout measures a statement that takes too long.
func TestTimeout(t *testing.T) {
	t.Parallel()
	pg := open(t)
	opts := &advise.Options{Analyze: true, Timeout: 500 * time.Millisecond}
	report := ask(t, pg, opts, "SELECT count(*) FROM generate_series(1, $1) a, generate_series(1, $1) b WHERE a <> b", 50_000)
	if !strings.Contains(report.NotMeasured, "timeout") || report.Plan.Measured {
		t.Errorf("%q, %+v", report.NotMeasured, report.Plan)
	}
	if got := ask(t, pg, opts, "SELECT 1"); got.NotMeasured != "" {
		t.Errorf("the connection is not usable: %q", got.NotMeasured)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := advise.Statement(ctx, pg, "SELECT 1", nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("with a done context: %v", err)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	pg := open(t)
	for want, opts := range map[string]*advise.Options{
		"Options.Timeout": {Timeout: -1},
		"Options.Keys":    {Keys: -1},
		"Options.Type":    {Type: reflect.TypeFor[int]()},
	} {
		if _, err := advise.Statement(t.Context(), pg, "SELECT 1", nil, opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
		if _, err := advise.Top(t.Context(), pg, 1, opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := advise.Statement(t.Context(), nil, "SELECT 1", nil, nil); err == nil {
		t.Error("a nil handle is accepted")
	}
}

// TestArguments passes arguments as pgx accepts them.
func TestArguments(t *testing.T) {
	t.Parallel()
	pg := openShop(t)
	for _, tc := range []struct {
		sql  string
		args []any
	}{
		{"SELECT id FROM orders WHERE customer_id = @customer", []any{pgx.NamedArgs{"customer": 5}}},
		{"SELECT id FROM orders WHERE customer_id = $1", []any{pgx.QueryExecModeExec, 5}},
		{"SELECT id FROM orders WHERE customer_id = 5;", nil},
		{"-- a comment\nSELECT id FROM orders WHERE customer_id = $1 -- another", []any{5}},
		{"SELECT id FROM orders WHERE customer_id = $1", nil},
		{"SELECT o.id FROM orders o WHERE o.customer_id = $1", []any{5}},
		{"SELECT id FROM (SELECT * FROM orders) AS \"Odd Name\" WHERE customer_id = $1", []any{5}},
		{"UPDATE orders SET note = $2 WHERE customer_id = $1", []any{5, ""}},
		{"DELETE FROM orders WHERE customer_id = $1", []any{5}},
		{"SELECT id FROM orders WHERE customer_id = ANY ($1)", []any{[]int{5, 6}}},
		{"WITH mine AS (SELECT * FROM orders WHERE customer_id = $1) SELECT id FROM mine", []any{5}},
		{"SELECT id FROM orders WHERE customer_id = $1 UNION ALL SELECT id FROM orders WHERE customer_id = $2", []any{5, 6}},
	} {
		a := one(t, ask(t, pg, nil, tc.sql, tc.args...), advise.MissingIndex)
		if want := "CREATE INDEX CONCURRENTLY ON public.orders (customer_id)"; a.SQL != want {
			t.Errorf("%s: got %q, want %q", tc.sql, a.SQL, want)
		}
	}
}
