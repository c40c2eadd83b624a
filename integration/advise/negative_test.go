package advise_test

import (
	"strings"
	"testing"

	"github.com/headrace/headrace/db/advise"
	"github.com/headrace/headrace/integration/pgtest"
)

// TestNothingToAdvise asks about statements that no index would help.
func TestNothingToAdvise(t *testing.T) {
	t.Parallel()
	pg := openShop(t,
		"CREATE INDEX orders_pair ON orders (customer_id, placed_at)",
		"CREATE INDEX orders_status ON orders (status, placed_at)",
		"CREATE INDEX orders_open ON orders (placed_at) WHERE shipped_at IS NULL",
		"CREATE INDEX customers_lower ON customers (lower(email))",
		"CREATE TABLE small (id int, name text); INSERT INTO small SELECT n, 'n' || n FROM generate_series(1, 2000) n",
		"ALTER TABLE orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers",
		"ANALYZE")
	for _, tc := range []struct {
		name, sql string
		args      []any
	}{
		{"primary_key", "SELECT * FROM orders WHERE id = $1", []any{1}},
		{"prefix_of_an_index", "SELECT * FROM orders WHERE customer_id = $1", []any{1}},
		{"unique_index", "SELECT * FROM customers WHERE email = $1", []any{"user1@example.org"}},
		{"index_in_order", "SELECT * FROM orders WHERE customer_id = $1 ORDER BY placed_at DESC LIMIT 5", []any{1}},
		{"most_rows", "SELECT id FROM orders WHERE total >= $1", []any{10}},
		{"all_rows", "SELECT sum(total) FROM orders", nil},
		{"a_common_value", "SELECT * FROM orders WHERE status = $1", []any{"done"}},
		{"small_table", "SELECT * FROM small WHERE id = $1", []any{7}},
		{"join_by_primary_key", "SELECT c.email FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.id = $1", []any{5}},
		{"join_of_all_rows", "SELECT count(*) FROM orders o JOIN customers c ON c.id = o.customer_id", nil},
		{"partial_index", "SELECT id, note FROM orders WHERE shipped_at IS NULL ORDER BY placed_at LIMIT 20", nil},
		{"expression_index", "SELECT id FROM customers WHERE lower(email) = $1", []any{"user1@example.org"}},
		{"foreign_key_with_index", "DELETE FROM customers WHERE id = $1", []any{100}},
		{"sort_of_all_rows", "SELECT id, placed_at FROM orders ORDER BY total", nil},
		{"not_equal", "SELECT id FROM orders WHERE status <> $1", []any{"open"}},
		{"limit_without_order", "SELECT * FROM orders WHERE total < $1 LIMIT 3", []any{100}},
		{"update_by_primary_key", "UPDATE orders SET note = $1 WHERE id = $2", []any{"x", 2}},
		{"insert", "INSERT INTO customers VALUES ($1, $2, $3, $4)", []any{1, "a", "b", "c"}},
		{"no_table", "SELECT now()", nil},
		{"generic_plan_with_a_bitmap", "SELECT note FROM orders WHERE customer_id BETWEEN $1 AND $2", []any{5, 6}},
		{"small_part", `SELECT (SELECT count(*) FROM customers WHERE country = 'c5'), sum(length(o.note || c.email))
			FROM orders o JOIN customers c ON c.id = o.customer_id`, nil},
		{"generic_plan_with_the_same_index", "SELECT id, note FROM orders WHERE customer_id = $1", []any{5}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			none(t, ask(t, pg, nil, tc.sql, tc.args...))
			none(t, ask(t, pg, nil, tc.sql)) // with unknown arguments
		})
	}
}

// TestIndexesThatThePlanIgnores asks over connections that do not use indexes:
// those that exist are not proposed again.
func TestIndexesThatThePlanIgnores(t *testing.T) {
	t.Parallel()
	connString := pgtest.NewFrom(t, "shop", fillShop)
	pgtest.Open(t, connString, nil, `CREATE INDEX ON orders (customer_id, placed_at); CREATE INDEX ON orders (placed_at) WHERE shipped_at IS NULL`)
	pg := pgtest.Open(t, connString+"&enable_indexscan=off&enable_bitmapscan=off&enable_indexonlyscan=off", nil)
	for _, tc := range []struct {
		sql  string
		args []any
	}{
		{"SELECT * FROM orders WHERE id = $1", []any{5}},
		{"SELECT * FROM orders WHERE customer_id = $1", []any{5}},
		{"SELECT * FROM orders WHERE placed_at = $1 AND customer_id = $2", []any{"2024-03-01", 5}},
		{"SELECT * FROM orders ORDER BY customer_id DESC, placed_at DESC LIMIT 5", nil},
		{"SELECT * FROM orders WHERE shipped_at IS NULL ORDER BY placed_at LIMIT 20", nil},
		{"SELECT o.id FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.email = $1", []any{"user5@example.org"}},
	} {
		report := ask(t, pg, nil, tc.sql, tc.args...)
		if !strings.Contains(describe(report), "Seq Scan public.orders") {
			t.Errorf("an index is used: %s", describe(report))
		}
		none(t, report)
	}
	one(t, ask(t, pg, nil, "SELECT * FROM orders ORDER BY customer_id, placed_at DESC LIMIT 5"), advise.MissingSortIndex)
	one(t, ask(t, pg, nil, "SELECT * FROM orders WHERE placed_at = $1", "2024-03-01"), advise.MissingIndex)
}

// TestNeverAnalyzed asks about a table without statistics.
func TestNeverAnalyzed(t *testing.T) {
	t.Parallel()
	pg := open(t, "CREATE TABLE fresh (id int PRIMARY KEY, name text) WITH (autovacuum_enabled = off)")
	none(t, ask(t, pg, nil, "SELECT * FROM fresh WHERE name = $1", "x"))
	pgtest.Exec(t, pg, "INSERT INTO fresh SELECT n, 'n' || n FROM generate_series(1, 50000) n")
	report := ask(t, pg, nil, "SELECT * FROM fresh WHERE name = $1", "x")
	if len(report.Advice) != 1 || report.Advice[0].SQL != "CREATE INDEX CONCURRENTLY ON public.fresh (name)" {
		t.Errorf("unexpected advice of %s", describe(report))
	}
}
