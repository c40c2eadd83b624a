package advise_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/headrace/headrace/db/advise"
	"github.com/headrace/headrace/integration/pgtest"
)

func TestSchema(t *testing.T) {
	t.Parallel()
	pg := openShop(t,
		"ALTER TABLE orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers",
		"CREATE INDEX orders_status ON orders (status)",
		"CREATE INDEX orders_status_placed ON orders (status, placed_at)",
		"CREATE INDEX orders_total_1 ON orders (total)",
		"CREATE INDEX orders_total_2 ON orders (total)",
		"CREATE INDEX orders_id ON orders (id)",
		"CREATE INDEX orders_total_down ON orders (total DESC)",
		"CREATE INDEX orders_open ON orders (total) WHERE shipped_at IS NULL",
		"CREATE INDEX orders_used ON orders (placed_at)",
		"CREATE TABLE small (id int PRIMARY KEY, customer_id int REFERENCES customers)",
		"CREATE INDEX small_unused ON small (customer_id)",
		"ANALYZE")
	explain(t, pg, "SELECT id FROM orders WHERE placed_at = '2024-02-02'", nil)
	explain(t, pg, "SELECT id FROM orders WHERE status = 'open'", nil)
	pgtest.Exec(t, pg, "SELECT pg_stat_force_next_flush()")

	advice, err := advise.Schema(t.Context(), pg)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range advice {
		got = append(got, string(a.Kind)+": "+a.SQL)
		if a.Evidence == "" || a.Do == "" || a.Table != "public.orders" {
			t.Errorf("incomplete: %+v", a)
		}
		if a.Kind == advise.UnusedIndex && !strings.Contains(a.Evidence, "since 20") {
			t.Errorf("does not say since when: %s", a.Evidence)
		}
	}
	want := []string{
		"duplicate index: DROP INDEX CONCURRENTLY public.orders_id",
		"duplicate index: DROP INDEX CONCURRENTLY public.orders_status",
		"duplicate index: DROP INDEX CONCURRENTLY public.orders_total_2",
		"foreign key without index: CREATE INDEX CONCURRENTLY ON public.orders (customer_id)",
		"unused index: DROP INDEX CONCURRENTLY public.orders_total_1",
		"unused index: DROP INDEX CONCURRENTLY public.orders_total_down",
	}
	got = slices.DeleteFunc(got, func(s string) bool { // either of two that are equally unused
		return strings.HasSuffix(s, "orders_status_placed")
	})
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestSchemaWithNothingToSay(t *testing.T) {
	t.Parallel()
	pg := openShop(t,
		"CREATE INDEX orders_customer ON orders (customer_id, placed_at)",
		"ALTER TABLE orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers",
		"ALTER TABLE orders ADD COLUMN seller int REFERENCES customers",
		"CREATE INDEX orders_seller ON orders (seller) WHERE seller IS NOT NULL")
	advice, err := advise.Schema(t.Context(), pg)
	if err != nil || len(advice) > 0 {
		t.Errorf("got %+v, %v", advice, err)
	}
}
