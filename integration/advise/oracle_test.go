package advise_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/advise"
	"github.com/headrace/headrace/integration/pgtest"
)

// A planted problem is a schema with a known remedy.
type planted struct {
	name  string
	setup []string // besides shop
	sql   string
	args  []any
	kind  advise.Kind
	want  []string // acceptable statements, without CONCURRENTLY
	check string   // the statement whose work shrinks; sql if empty
}

const customers = `CREATE TABLE customers (id int PRIMARY KEY, email text NOT NULL, country text NOT NULL, filler text NOT NULL);
INSERT INTO customers SELECT n, 'user' || n || '@example.org', 'c' || n % 50, repeat('x', 60) FROM generate_series(1, 50000) n;
CREATE UNIQUE INDEX ON customers (email)`

const orders = `CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL, status text NOT NULL, total numeric NOT NULL,
	placed_at timestamptz NOT NULL, shipped_at timestamptz, note text NOT NULL);
INSERT INTO orders SELECT n, (n * 7919) % 20000 + 1, CASE WHEN n % 1000 = 0 THEN 'open' ELSE 'done' END, n % 500,
	timestamptz '2024-01-01' + (n * 7919 % 100000) * interval '5 minutes', CASE WHEN n % 2000 = 0 THEN NULL ELSE now() END, repeat('y', 40)
FROM generate_series(1, 100000) n`

var oracle = []planted{
	{
		name: "equality",
		sql:  "SELECT id, total FROM orders WHERE customer_id = $1", args: []any{17},
		kind: advise.MissingIndex, want: []string{"CREATE INDEX ON public.orders (customer_id)"},
	},
	{
		name: "equality_and_range",
		setup: []string{`CREATE TABLE readings (id int PRIMARY KEY, sensor int NOT NULL, kind int NOT NULL, at timestamptz NOT NULL, value float8);
			INSERT INTO readings SELECT n, n % 40, n % 7, timestamptz '2024-01-01' + (n * 7919 % 100000) * interval '1 minute', n FROM generate_series(1, 100000) n;
			ANALYZE readings`},
		sql:  "SELECT id, value FROM readings WHERE kind = $1 AND sensor = $2 AND at >= $3",
		args: []any{3, 11, "2024-03-09"},
		kind: advise.MissingIndex, want: []string{"CREATE INDEX ON public.readings (sensor, kind, at)", "CREATE INDEX ON public.readings (kind, sensor, at)", "CREATE INDEX ON public.readings (sensor, at)"},
	},
	{
		name: "equality_and_order",
		sql:  "SELECT * FROM orders WHERE status = $1 ORDER BY placed_at DESC LIMIT 10", args: []any{"done"},
		kind: advise.MissingSortIndex, want: []string{"CREATE INDEX ON public.orders (status, placed_at)", "CREATE INDEX ON public.orders (placed_at)"},
	},
	{
		name: "join",
		sql:  "SELECT o.id, o.total FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.email = $1", args: []any{"user17@example.org"},
		kind: advise.MissingJoinIndex, want: []string{"CREATE INDEX ON public.orders (customer_id)"},
	},
	{
		name: "join_of_two_columns",
		setup: []string{`CREATE TABLE positions (warehouse int, shelf int, code text, PRIMARY KEY (warehouse, shelf));
			INSERT INTO positions SELECT n / 300, n % 300, 'p' || n FROM generate_series(0, 59999) n;
			CREATE INDEX ON positions (code);
			CREATE TABLE stock (id int PRIMARY KEY, warehouse int NOT NULL, shelf int NOT NULL, amount int NOT NULL, filler text);
			INSERT INTO stock SELECT n, n / 300 % 200, n % 300, n % 17, repeat('z', 30) FROM generate_series(0, 119999) n;
			ANALYZE`},
		sql:  "SELECT s.id, s.amount, s.filler FROM positions p JOIN stock s ON s.warehouse = p.warehouse AND s.shelf = p.shelf WHERE p.code = $1",
		args: []any{"p4711"},
		kind: advise.MissingJoinIndex, want: []string{"CREATE INDEX ON public.stock (warehouse, shelf)", "CREATE INDEX ON public.stock (shelf, warehouse)"},
	},
	{
		name: "partial",
		sql:  "SELECT id, note FROM orders WHERE shipped_at IS NULL ORDER BY placed_at LIMIT 20",
		kind: "", want: []string{"CREATE INDEX ON public.orders (placed_at) WHERE shipped_at IS NULL", "CREATE INDEX ON public.orders (shipped_at) WHERE shipped_at IS NULL"},
	},
	{
		name:  "foreign_key",
		setup: []string{`DELETE FROM orders WHERE customer_id = 100; ALTER TABLE orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers`},
		sql:   "DELETE FROM customers WHERE id = $1", args: []any{100},
		kind: advise.ForeignKeyIndex, want: []string{"CREATE INDEX ON public.orders (customer_id)"},
		check: "SELECT 1 FROM ONLY orders x WHERE customer_id = 100 FOR KEY SHARE OF x", // as the server's trigger does
	},
	{
		name:  "skewed",
		setup: []string{"CREATE INDEX ON orders (status, placed_at)"},
		sql:   "SELECT id, note FROM orders WHERE status = $1", args: []any{"open"},
		kind: advise.GenericPlan, want: []string{"SET LOCAL plan_cache_mode = force_custom_plan"},
	},
	{
		name:  "optional_filter",
		setup: []string{"CREATE INDEX ON orders (status)"},
		sql:   "SELECT id, note FROM orders WHERE ($1::text IS NULL OR status = $1)", args: []any{"open"},
		kind: advise.GenericPlan, want: []string{"SET LOCAL plan_cache_mode = force_custom_plan"},
	},
}

func TestOracle(t *testing.T) {
	t.Parallel()
	for _, p := range oracle {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			pg := openShop(t, p.setup...)
			report := ask(t, pg, nil, p.sql, p.args...)
			if len(report.Advice) != 1 {
				t.Fatalf("%d advice, want 1: %s", len(report.Advice), describe(report))
			}
			a := report.Advice[0]
			sql := strings.Replace(a.SQL, " CONCURRENTLY", "", 1)
			if !slices.Contains(p.want, sql) || p.kind != "" && a.Kind != p.kind {
				t.Fatalf("want %q: got %s", p.want, describe(report))
			}
			if a.CostAfter <= 0 || a.CostAfter*2 > a.CostBefore || a.Tried {
				t.Errorf("cost %v before and %v after, tried %v", a.CostBefore, a.CostAfter, a.Tried)
			}
			if a.Kind == advise.GenericPlan {
				checkSetting(t, pg, p, sql)
				return
			}
			check, args := p.sql, p.args
			if p.check != "" {
				check, args = p.check, nil
			}
			before := explain(t, pg, check, args)
			pgtest.Exec(t, pg, sql)
			pgtest.Exec(t, pg, "ANALYZE")
			after := explain(t, pg, check, args)
			t.Logf("%s: cost %.0f to %.0f (estimated %.0f), pages %d to %d", sql, before.cost, after.cost, a.CostAfter, before.pages, after.pages)
			if after.cost*2 > before.cost || after.pages*2 > before.pages {
				t.Errorf("the index does not pay: cost %.0f to %.0f, pages %d to %d", before.cost, after.cost, before.pages, after.pages)
			}
			if a.CostAfter*3 < after.cost {
				t.Errorf("the advice promises a cost of %.0f, and it is %.0f", a.CostAfter, after.cost)
			}
			if p.check != "" {
				none(t, ask(t, pg, nil, p.sql, p.args...))
			} else {
				none(t, ask(t, pg, nil, p.sql, p.args...), advise.MissingIndex, advise.MissingJoinIndex, advise.MissingSortIndex)
			}
		})
	}
}

// checkSetting compares the work of the statement under both plans.
func checkSetting(t *testing.T, pg *db.DB, p planted, set string) {
	t.Helper()
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	pgtest.Exec(t, tx, "SET LOCAL plan_cache_mode = force_generic_plan")
	pgtest.Exec(t, tx, "PREPARE trap AS "+p.sql)
	before := explain(t, tx, "EXECUTE trap('"+p.args[0].(string)+"')", nil)
	pgtest.Exec(t, tx, set)
	after := explain(t, tx, "EXECUTE trap('"+p.args[0].(string)+"')", nil)
	pgtest.Exec(t, tx, "DEALLOCATE trap")
	if after.cost*2 > before.cost || after.pages*2 > before.pages {
		t.Errorf("the setting does not pay: cost %.0f to %.0f, pages %d to %d", before.cost, after.cost, before.pages, after.pages)
	}
}

// work is what the server did for a statement.
type work struct {
	cost  float64
	pages int64 // read from memory or disk
}

// explain runs a statement that changes nothing.
func explain(t *testing.T, q db.Querier, sql string, args []any) work {
	t.Helper()
	rows, err := q.Query(t.Context(), "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var text []byte
	for rows.Next() {
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var plans []struct {
		Plan struct {
			Cost float64 `json:"Total Cost"`
			Hit  int64   `json:"Shared Hit Blocks"`
			Read int64   `json:"Shared Read Blocks"`
		}
	}
	if err := json.Unmarshal(text, &plans); err != nil || len(plans) != 1 {
		t.Fatalf("%s: %v", text, err)
	}
	return work{plans[0].Plan.Cost, plans[0].Plan.Hit + plans[0].Plan.Read}
}
