package advise_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"testing"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/advise"
	"github.com/headrace/headrace/internal/servertests"
)

func TestMain(m *testing.M) {
	servertests.Skip("^Example")
	os.Exit(m.Run())
}

// Statement says which index a statement lacks. The proposed SQL is for people
// to review: it is never run.
func ExampleStatement() {
	ctx := context.Background()
	pg, err := db.Open(ctx, os.Getenv("DATABASE_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pg.Close()
	if _, err := pg.Exec(ctx, `CREATE TABLE example_visits AS SELECT n AS id, n % 5000 AS visitor FROM generate_series(1, 50000) n`); err != nil {
		log.Fatal(err)
	}
	defer func() { _, _ = pg.Exec(ctx, "DROP TABLE example_visits") }()
	if _, err := pg.Exec(ctx, "ANALYZE example_visits"); err != nil {
		log.Fatal(err)
	}

	report, err := advise.Statement(ctx, pg, "SELECT id FROM example_visits WHERE visitor = $1", []any{42}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Plan.Type, report.Plan.Filter)
	for _, a := range report.Advice {
		fmt.Println(a.Kind)
		fmt.Println(a.SQL)
		fmt.Println("halves the cost:", a.CostAfter*2 < a.CostBefore, "- tried:", a.Tried)
	}
	// Output:
	// Seq Scan (example_visits.visitor = ?)
	// missing index
	// CREATE INDEX CONCURRENTLY ON public.example_visits (visitor)
	// halves the cost: true - tried: false
}

// Top reports on the statements that took the most time.
func ExampleTop() {
	ctx := context.Background()
	pg, err := db.Open(ctx, os.Getenv("DATABASE_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pg.Close()
	if _, err := pg.Exec(ctx, "SELECT n FROM generate_series(1, 10) n WHERE n > $1", 5); err != nil {
		log.Fatal(err)
	}
	reports, err := advise.Top(ctx, pg, 10, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range reports {
		fmt.Println(r.Plan.Type, len(r.Advice), r.Text)
	}
	// Output:
	// Function Scan 0 select n from generate_series(?, ?) n where n > ?
}
