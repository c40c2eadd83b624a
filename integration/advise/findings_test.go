package advise_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/advise"
	"github.com/headrace/headrace/integration/pgtest"
)

func TestWrappedColumn(t *testing.T) {
	t.Parallel()
	pg := openShop(t, "CREATE INDEX ON orders (placed_at)")

	a := one(t, ask(t, pg, nil, "SELECT id FROM customers WHERE lower(email) = $1", "user5@example.org"), advise.WrappedColumn)
	if want := "CREATE INDEX CONCURRENTLY ON public.customers ((lower(email)))"; a.SQL != want || !strings.Contains(a.Evidence, "customers_email_idx") {
		t.Errorf("got %q, want %q; evidence %q", a.SQL, want, a.Evidence)
	}
	before := explain(t, pg, "SELECT id FROM customers WHERE lower(email) = $1", []any{"user5@example.org"})
	pgtest.Exec(t, pg, strings.Replace(a.SQL, " CONCURRENTLY", "", 1))
	pgtest.Exec(t, pg, "ANALYZE customers")
	if after := explain(t, pg, "SELECT id FROM customers WHERE lower(email) = $1", []any{"user5@example.org"}); after.cost*2 > before.cost || after.pages*2 > before.pages {
		t.Errorf("the index does not pay: %+v to %+v", before, after)
	}
	none(t, ask(t, pg, nil, "SELECT id FROM customers WHERE lower(email) = $1", "user5@example.org"))

	a = one(t, ask(t, pg, nil, "SELECT id FROM orders WHERE date_trunc('day', placed_at) = $1", "2024-02-01"), advise.WrappedColumn)
	if a.SQL != "" || strings.Contains(a.Do, "create an index") {
		t.Errorf("an index on an expression that is not immutable: %q, %q", a.Do, a.SQL)
	}
	a = one(t, ask(t, pg, nil, "SELECT id FROM orders WHERE id + 4711 = $1", 5000), advise.WrappedColumn)
	if a.SQL != "" || strings.Contains(a.Title+a.Evidence, "4711") {
		t.Errorf("a constant shows: %+v", a)
	}
	none(t, ask(t, pg, nil, "SELECT id FROM orders WHERE id = 4711 + $1", 5000))
}

func TestImplicitCast(t *testing.T) {
	t.Parallel()
	pg := open(t, `CREATE TABLE events (id int8 PRIMARY KEY, code varchar(20) NOT NULL, padding text NOT NULL);
		INSERT INTO events SELECT n, 'code' || n, repeat('x', 50) FROM generate_series(1, 50000) n;
		CREATE INDEX ON events (code)`, "VACUUM ANALYZE")
	a := one(t, ask(t, pg, nil, "SELECT padding FROM events WHERE id = $1::numeric", 17), advise.ImplicitCast)
	if !strings.Contains(a.Title, "bigint") || !strings.Contains(a.Title, "numeric") || !strings.Contains(a.Do, "$1::bigint") || a.SQL != "" {
		t.Errorf("got %+v", a)
	}
	none(t, ask(t, pg, nil, "SELECT padding FROM events WHERE id = $1", 17))
	none(t, ask(t, pg, nil, "SELECT padding FROM events WHERE id = $1::int2", 17))
	none(t, ask(t, pg, nil, "SELECT padding FROM events WHERE code = $1", "code17")) // varchar is compared as text
	pgtest.Exec(t, pg, "DROP INDEX events_code_idx")
	a = one(t, ask(t, pg, nil, "SELECT padding FROM events WHERE code = $1", "code17"), advise.MissingIndex)
	if want := "CREATE INDEX CONCURRENTLY ON public.events (code)"; a.SQL != want {
		t.Errorf("got %q, want %q", a.SQL, want)
	}
}

func TestLeadingWildcard(t *testing.T) {
	t.Parallel()
	pg := openShop(t)
	a := one(t, ask(t, pg, nil, "SELECT id FROM customers WHERE email LIKE $1", "%r1234@%"), advise.LeadingWildcard)
	if !strings.Contains(a.SQL, "USING gin (email gin_trgm_ops)") {
		t.Errorf("got %+v", a)
	}
	one(t, ask(t, pg, nil, "SELECT id FROM customers WHERE email ILIKE $1", "user1234@%"), advise.LeadingWildcard)
	none(t, ask(t, pg, nil, "SELECT id FROM customers WHERE email LIKE $1", "user1234@%"), advise.LeadingWildcard)

	for sql := range strings.SplitSeq(strings.Replace(a.SQL, " CONCURRENTLY", "", 1), ";\n") {
		pgtest.Exec(t, pg, sql)
	}
	none(t, ask(t, pg, nil, "SELECT id FROM customers WHERE email LIKE $1", "%r1234@%"))
}

// TestPatternWithPrefix asks about a pattern that a B-tree serves, given the
// right operator class.
func TestPatternWithPrefix(t *testing.T) {
	t.Parallel()
	pg := open(t, `CREATE TABLE names (id int PRIMARY KEY, name text COLLATE "en-x-icu", code text COLLATE "C", padding text);
		INSERT INTO names SELECT n, 'name' || n, 'code' || n, repeat('x', 200) FROM generate_series(1, 50000) n`, "VACUUM ANALYZE")
	for column, want := range map[string]string{
		"name": "CREATE INDEX CONCURRENTLY ON public.names (name text_pattern_ops)",
		"code": "CREATE INDEX CONCURRENTLY ON public.names (code)",
	} {
		sql := "SELECT padding FROM names WHERE " + column + " LIKE $1"
		a := one(t, ask(t, pg, nil, sql, column+"12345%"), advise.MissingIndex)
		if a.SQL != want {
			t.Errorf("got %q, want %q", a.SQL, want)
		}
		before := explain(t, pg, sql, []any{column + "12345%"})
		pgtest.Exec(t, pg, strings.Replace(a.SQL, " CONCURRENTLY", "", 1))
		if after := explain(t, pg, sql, []any{column + "12345%"}); after.pages*2 > before.pages {
			t.Errorf("%s does not pay: %+v to %+v", a.SQL, before, after)
		}
		none(t, ask(t, pg, nil, sql, column+"12345%"), advise.MissingIndex, advise.LeadingWildcard)
	}
}

func TestCoveringIndex(t *testing.T) {
	t.Parallel()
	pg := openShop(t)
	const sql = "SELECT sum(id) FROM orders WHERE total = ANY ($1)"
	a := one(t, ask(t, pg, nil, sql, []int{1, 2, 3, 4, 5, 6, 7, 8}), advise.MissingIndex)
	if want := "CREATE INDEX CONCURRENTLY ON public.orders (total) INCLUDE (id)"; a.SQL != want {
		t.Errorf("got %q, want %q", a.SQL, want)
	}
	before := explain(t, pg, sql, []any{[]int{1, 2, 3, 4, 5, 6, 7, 8}})
	pgtest.Exec(t, pg, strings.Replace(a.SQL, " CONCURRENTLY", "", 1))
	if after := explain(t, pg, sql, []any{[]int{1, 2, 3, 4, 5, 6, 7, 8}}); after.cost*2 > before.cost || after.pages*2 > before.pages {
		t.Errorf("%s does not pay: %+v to %+v", a.SQL, before, after)
	}
}

// TestExtremes asks about the least and the greatest value of a column.
func TestExtremes(t *testing.T) {
	t.Parallel()
	pg := openShop(t)
	a := one(t, ask(t, pg, nil, "SELECT max(placed_at) FROM orders"), advise.MissingSortIndex)
	if want := "CREATE INDEX CONCURRENTLY ON public.orders (placed_at)"; a.SQL != want {
		t.Errorf("got %q, want %q", a.SQL, want)
	}
	a = one(t, ask(t, pg, nil, "SELECT min(placed_at) FROM orders WHERE status = $1", "done"), advise.MissingSortIndex)
	if want := "CREATE INDEX CONCURRENTLY ON public.orders (status, placed_at)"; a.SQL != want {
		t.Errorf("got %q, want %q", a.SQL, want)
	}
	none(t, ask(t, pg, nil, "SELECT max(id) FROM orders"))
	none(t, ask(t, pg, nil, "SELECT sum(total) FROM orders"))
	none(t, ask(t, pg, nil, "SELECT status, max(placed_at) FROM orders GROUP BY status"))
	none(t, ask(t, pg, nil, "SELECT min(placed_at), max(placed_at) FROM orders"))
	none(t, ask(t, pg, nil, "SELECT max(placed_at + interval '1 day') FROM orders"))
}

// TestFormsOfStatements asks about statements that need one index.
func TestFormsOfStatements(t *testing.T) {
	t.Parallel()
	pg := openShop(t, `CREATE VIEW dear AS SELECT * FROM orders WHERE total > 400;
		CREATE TABLE parts (id int, day date NOT NULL, v int, w int) PARTITION BY RANGE (day);
		CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
		CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
		INSERT INTO parts SELECT n, date '2024-01-01' + n % 59, n % 10000, n FROM generate_series(1, 100000) n;
		ANALYZE parts`)
	const onCustomer = "CREATE INDEX CONCURRENTLY ON public.orders (customer_id)"
	for _, tc := range []struct {
		sql  string
		args []any
		want string
	}{
		{"SELECT * FROM parts WHERE v = $1", []any{5}, "CREATE INDEX ON public.parts (v)"},
		{"SELECT * FROM dear WHERE customer_id = $1", []any{5}, onCustomer},
		{"SELECT c.email, (SELECT max(total) FROM orders o WHERE o.customer_id = c.id) FROM customers c WHERE c.email = $1", []any{"user5@example.org"}, onCustomer},
		{"SELECT c.email, (SELECT max(total) FROM orders o WHERE o.customer_id = c.id) FROM customers c WHERE c.country = $1 LIMIT 10", []any{"c5"}, onCustomer},
		{"SELECT c.id FROM customers c WHERE c.id = $1 AND EXISTS (SELECT FROM orders o WHERE o.customer_id = c.id)", []any{5}, onCustomer},
		{"SELECT c.id FROM customers c WHERE c.email = $1 AND NOT EXISTS (SELECT FROM orders o WHERE o.customer_id = c.id)", []any{"user5@example.org"}, onCustomer},
		{"SELECT c.id, o.id FROM customers c LEFT JOIN orders o ON o.customer_id = c.id WHERE c.email = $1", []any{"user5@example.org"}, onCustomer},
		{"SELECT id FROM orders WHERE customer_id IN (SELECT id FROM customers WHERE email = $1)", []any{"user5@example.org"}, onCustomer},
		{"SELECT id FROM orders WHERE customer_id = (SELECT id FROM customers WHERE email = $1)", []any{"user5@example.org"}, onCustomer},
		{"SELECT id FROM orders WHERE customer_id = $1 AND placed_at > (SELECT min(placed_at) FROM orders WHERE id = 7)", []any{5}, onCustomer},
		{"SELECT * FROM orders WHERE (placed_at, id) < ($1, $2) ORDER BY placed_at DESC, id DESC LIMIT 20", []any{"2024-03-01", 5}, "CREATE INDEX CONCURRENTLY ON public.orders (placed_at, id)"},
		{"SELECT * FROM orders ORDER BY total DESC, placed_at LIMIT 10", nil, "CREATE INDEX CONCURRENTLY ON public.orders (total DESC, placed_at)"},
		{"SELECT * FROM orders o WHERE o.customer_id = $1 FOR UPDATE", []any{5}, onCustomer},
		{"SELECT * FROM orders WHERE status = 'done' AND total = $1", []any{5}, "CREATE INDEX CONCURRENTLY ON public.orders (total)"},
		{"DELETE FROM orders USING customers c WHERE orders.customer_id = c.id AND c.email = $1", []any{"user5@example.org"}, onCustomer},
	} {
		for _, args := range [][]any{tc.args, nil} {
			report := ask(t, pg, nil, tc.sql, args...)
			if len(report.Advice) != 1 || report.Advice[0].SQL != tc.want {
				t.Errorf("want %s: got %s", tc.want, describe(report))
			}
		}
	}
}

func TestRowEstimate(t *testing.T) {
	t.Parallel()
	pg := open(t, `CREATE TABLE cars (id int PRIMARY KEY, make int NOT NULL, model int NOT NULL) WITH (autovacuum_enabled = off);
		INSERT INTO cars SELECT n, n % 100, n % 100 FROM generate_series(1, 200000) n`, "ANALYZE")
	const sql = "SELECT count(*) FROM cars WHERE make = $1 AND model = $2"
	none(t, ask(t, pg, nil, sql, 7, 7), advise.RowEstimate) // not run, not known
	a := one(t, ask(t, pg, &advise.Options{Analyze: true}, sql, 7, 7), advise.RowEstimate)
	if want := "ANALYZE public.cars;\nCREATE STATISTICS cars_make_model_dep ON make, model FROM public.cars"; a.SQL != want {
		t.Errorf("got %q, want %q", a.SQL, want)
	}
	pgtest.Exec(t, pg, strings.TrimPrefix(a.SQL, "ANALYZE public.cars;\n"))
	pgtest.Exec(t, pg, "ANALYZE cars")
	none(t, ask(t, pg, &advise.Options{Analyze: true}, sql, 7, 7), advise.RowEstimate)
	none(t, ask(t, pg, &advise.Options{Analyze: true}, "SELECT id FROM cars WHERE make = $1 LIMIT 1", 7), advise.RowEstimate)
}

// TestMeasuredGenericPlan plants a generic plan whose estimate looks good and
// that reads the whole table for a rare value.
func TestMeasuredGenericPlan(t *testing.T) {
	t.Parallel()
	pg := open(t, `CREATE TABLE jobs (id int PRIMARY KEY, state text NOT NULL, padding text NOT NULL);
		INSERT INTO jobs SELECT n, CASE WHEN n > 99990 THEN 'failed' ELSE 'done' END, repeat('x', 50) FROM generate_series(1, 100000) n;
		CREATE INDEX ON jobs (state)`, "VACUUM ANALYZE")
	const sql = "SELECT id FROM jobs WHERE state = $1 ORDER BY id LIMIT 5"
	a := one(t, ask(t, pg, &advise.Options{Analyze: true}, sql, "failed"), advise.GenericPlan)
	if !strings.Contains(a.Evidence, "Measured") {
		t.Errorf("got %+v", a)
	}
	none(t, ask(t, pg, &advise.Options{Analyze: true}, sql, "done"), advise.GenericPlan)
	none(t, ask(t, pg, nil, sql, "failed"), advise.GenericPlan) // by its estimate the generic plan is as good
}

func TestUnreadColumns(t *testing.T) {
	t.Parallel()
	pg := openShop(t)
	type order struct {
		ID         int
		CustomerID int
		Amount     string `db:"total"`
		PlacedAt   string
		Note       string `db:"-"`
	}
	opts := &advise.Options{Type: reflect.TypeFor[order]()}
	a := one(t, ask(t, pg, opts, "SELECT * FROM orders WHERE id = $1", 1), advise.UnreadColumns)
	if !strings.Contains(a.Evidence, "status, shipped_at, note.") || !strings.Contains(a.Evidence, "bytes") || !strings.Contains(a.Do, "*") {
		t.Errorf("got %+v", a)
	}
	none(t, ask(t, pg, opts, "SELECT id, customer_id, total, placed_at FROM orders WHERE id = $1", 1))
	none(t, ask(t, pg, nil, "SELECT * FROM orders WHERE id = $1", 1))
}

func TestOffsetPages(t *testing.T) {
	t.Parallel()
	pg := openShop(t)
	a := one(t, ask(t, pg, nil, "SELECT * FROM orders ORDER BY id LIMIT $1 OFFSET $2", 20, 50000), advise.OffsetPages)
	if !strings.Contains(a.Evidence, "50000 rows to return 20") {
		t.Errorf("got %q", a.Evidence)
	}
	none(t, ask(t, pg, nil, "SELECT * FROM orders ORDER BY id LIMIT $1 OFFSET $2", 20, 40))
	none(t, ask(t, pg, nil, "SELECT * FROM orders ORDER BY id LIMIT $1", 20))
}

func TestMissingLimit(t *testing.T) {
	t.Parallel()
	pg := open(t, "CREATE TABLE numbers AS SELECT n FROM generate_series(1, 2000) n")
	const all, some = "SELECT n FROM numbers", "SELECT n FROM numbers LIMIT 1999"
	for range 10 {
		pgtest.Exec(t, pg, all)
		pgtest.Exec(t, pg, some)
	}
	a := one(t, ask(t, pg, nil, all), advise.MissingLimit)
	if !strings.Contains(a.Evidence, "10 calls returned 20000 rows: 2000 a call") {
		t.Errorf("got %q", a.Evidence)
	}
	none(t, ask(t, pg, nil, some))
}

func TestInsertLoop(t *testing.T) {
	t.Parallel()
	pg := open(t, "CREATE TABLE numbers (n int)")
	const single, several = "INSERT INTO numbers VALUES ($1)", "INSERT INTO numbers (n) VALUES ($1), ($2)"
	ctx := t.Context()
	err := pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error {
		for n := range 1000 {
			pgtest.Exec(t, tx, single, n)
			pgtest.Exec(t, tx, several, n, n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a := one(t, ask(t, pg, nil, single, 1), advise.InsertLoop)
	if !strings.Contains(a.Evidence, "1000 calls inserted 1000 rows") {
		t.Errorf("got %q", a.Evidence)
	}
	none(t, ask(t, pg, nil, several, 1, 1))
}
