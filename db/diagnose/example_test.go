package diagnose_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/diagnose"
)

// A Monitor measures in windows, reports thresholds that are crossed, and says
// what takes time.
func Example() {
	ctx := context.Background()
	pg, err := db.Open(ctx, os.Getenv("DATABASE_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pg.Close()
	monitor, err := diagnose.New(pg, &diagnose.Options{
		Interval: 100 * time.Millisecond, // 5 s by default
		Thresholds: []diagnose.Threshold{
			{Metric: diagnose.P99, Above: diagnose.Duration(200 * time.Millisecond)},
			{Metric: diagnose.ErrorRate, Above: diagnose.Ratio(0.01)},
			{Metric: diagnose.Heap, Above: diagnose.Ratio(0.7)}, // of GOMEMLIMIT
		},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer monitor.Close()

	for began := time.Now(); time.Since(began) < time.Second; {
		if _, err := pg.Exec(ctx, "SELECT pg_sleep(0.3)"); err != nil { // the program's work
			log.Fatal(err)
		}
	}
	for _, f := range monitor.Findings(ctx) {
		if f.Kind == diagnose.StatementDominant {
			fmt.Println(f.Kind, "-", f.Statement)
		}
	}
	bottleneck := monitor.Bottleneck(ctx)
	fmt.Println(bottleneck.Resource, "-", bottleneck.Statement)
	// Output:
	// statement dominant - select pg_sleep(?)
	// database - select pg_sleep(?)
}

// A readiness probe: the report is JSON, and takes no connection of the pool.
func ExampleHealth() {
	ctx := context.Background()
	pg, err := db.Open(ctx, os.Getenv("DATABASE_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pg.Close()
	health, err := diagnose.NewHealth(pg, &diagnose.HealthOptions{
		Migrations: func(context.Context) error { return fmt.Errorf("the schema is at version 6, want 7") },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer health.Close()

	report := health.Ready(ctx)
	fmt.Println(report.OK)
	for _, c := range report.Checks {
		if !c.OK {
			fmt.Println(c.Name+":", c.Detail)
		}
	}
	if _, err := json.Marshal(report); err != nil {
		log.Fatal(err)
	}
	fmt.Println(health.Live().OK)
	// Output:
	// false
	// migrations: the schema is at version 6, want 7
	// true
}
