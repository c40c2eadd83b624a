package dbdebug_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"sync/atomic"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/dbdebug"
	"github.com/headrace/headrace/db/diagnose"
)

// A program with the page, the probes, and a span for each request.
func Example() {
	pg, err := db.Open(context.Background(), os.Getenv("DATABASE_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pg.Close()
	monitor, err := diagnose.New(pg, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer monitor.Close()
	health, err := diagnose.NewHealth(pg, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer health.Close()

	var authenticated func(http.Handler) http.Handler // of the program
	routes := http.NewServeMux()                      // likewise

	mux := http.NewServeMux()
	mux.Handle("/", dbdebug.Middleware(routes))
	mux.Handle("/debug/db/", authenticated(dbdebug.Handler(pg, &dbdebug.Options{Monitor: monitor, Health: health})))
	mux.Handle("/livez", dbdebug.LiveHandler(health))
	mux.Handle("/readyz", dbdebug.ReadyHandler(health))
	log.Fatal(http.ListenAndServe("localhost:8080", mux))
}

// The progress of a load as a bar.
func ExamplePanel() {
	var progress atomic.Pointer[batchinsert.Progress]
	options := batchinsert.LoadOptions{ // for Table.Load
		Progress: func(p batchinsert.Progress) { progress.Store(&p) },
	}
	loads := dbdebug.Panel{Name: "Loads", Rows: func(context.Context) []dbdebug.PanelRow {
		p := progress.Load()
		if p == nil || p.Done {
			return nil
		}
		text := fmt.Sprintf("%d rows, %d bad, %.0f a second", p.Rows, p.Bad, p.Rate())
		return []dbdebug.PanelRow{{Name: "cities.csv", Text: text, Share: p.Share()}}
	}}

	options.Progress(batchinsert.Progress{Rows: 70_000, TotalRows: 100_000})
	for _, row := range loads.Rows(context.Background()) {
		fmt.Printf("%s: %.0f %%\n", row.Name, 100*row.Share)
	}
	// Output: cities.csv: 70 %
}
