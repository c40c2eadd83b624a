package batchinsert_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
)

type city struct {
	ID         int64
	Name       string
	Population *int64
}

var cities = batchinsert.MustTable[city]("example_cities")

// openExample returns a handle with an empty table, and what closes it.
func openExample(ctx context.Context) (*db.DB, func()) {
	pg, err := db.Open(ctx, os.Getenv("DATABASE_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	_, err = pg.Exec(ctx, "DROP TABLE IF EXISTS example_cities; CREATE TABLE example_cities (id bigint PRIMARY KEY, name text NOT NULL, population bigint)")
	if err != nil {
		log.Fatal(err)
	}
	return pg, func() {
		_, _ = pg.Exec(ctx, "DROP TABLE example_cities")
		pg.Close()
	}
}

func ExampleTable_Copy() {
	ctx := context.Background()
	pg, done := openExample(ctx)
	defer done()

	n, err := cities.Copy(ctx, pg, batchinsert.Rows([]city{{ID: 1, Name: "Vienna"}, {ID: 2, Name: "Graz"}}))
	fmt.Println(n, err)

	_, err = cities.Copy(ctx, pg, batchinsert.Rows([]city{{ID: 3, Name: "Linz"}, {ID: 1, Name: "Wels"}}))
	var bad *batchinsert.RowError
	fmt.Println(errors.As(err, &bad), bad.Row)
	// Output:
	// 2 <nil>
	// true 2
}

// One statement with an array per column: the way for some hundreds of rows.
// All of them are written, or none.
func ExampleTable_Insert() {
	ctx := context.Background()
	pg, done := openExample(ctx)
	defer done()

	n, err := cities.Insert(ctx, pg, batchinsert.Rows([]city{{ID: 1, Name: "Vienna"}, {ID: 2, Name: "Graz"}}))
	fmt.Println(n, err)

	_, err = cities.Insert(ctx, pg, batchinsert.Rows([]city{{ID: 3, Name: "Linz"}, {ID: 1, Name: "Wels"}}))
	fmt.Println(err)
	// Output:
	// 2 <nil>
	// insert into example_cities: ERROR: duplicate key value violates unique constraint "example_cities_pkey" (SQLSTATE 23505)
}

func ExampleTable_Upsert() {
	ctx := context.Background()
	pg, done := openExample(ctx)
	defer done()

	by := batchinsert.OnConflict{Keys: []string{"id"}}
	_, _ = cities.Upsert(ctx, pg, batchinsert.Rows([]city{{ID: 1, Name: "Vienna"}, {ID: 2, Name: "Graz"}}), by)
	counts, err := cities.Upsert(ctx, pg, batchinsert.Rows([]city{{ID: 1, Name: "Wien"}, {ID: 2, Name: "Graz"}, {ID: 3, Name: "Linz"}}), by)
	fmt.Println(counts.Inserted, counts.Updated, counts.Unchanged, err)
	// Output: 1 1 1 <nil>
}

func ExampleLoad() {
	ctx := context.Background()
	pg, done := openExample(ctx)
	defer done()

	report, err := batchinsert.Load(ctx, pg, "example_cities", batchinsert.CSV(strings.NewReader("name,id\nVienna,1\nGraz,2\n")), nil)
	fmt.Println(report.Rows, err)

	_, err = batchinsert.Load(ctx, pg, "example_cities", batchinsert.CSV(strings.NewReader("name,id\nLinz,three\n")), &batchinsert.LoadOptions{Name: "cities.csv"})
	var line *batchinsert.LineError
	fmt.Println(errors.As(err, &line), line.Line, line.Column)
	// Output:
	// 2 <nil>
	// true 2 id
}

func ExampleExport() {
	ctx := context.Background()
	pg, done := openExample(ctx)
	defer done()

	_, _ = cities.Copy(ctx, pg, batchinsert.Rows([]city{{ID: 1, Name: "Vienna, AT"}, {ID: 2, Name: ""}}))
	n, err := batchinsert.Export(ctx, pg, "SELECT * FROM example_cities ORDER BY id", os.Stdout, nil)
	fmt.Println(n, err)

	lines := &batchinsert.ExportOptions{Format: batchinsert.AsNDJSON}
	n, err = batchinsert.Export(ctx, pg, "SELECT id, name FROM example_cities ORDER BY id", os.Stdout, lines)
	fmt.Println(n, err)
	// Output:
	// id,name,population
	// 1,"Vienna, AT",
	// 2,"",
	// 2 <nil>
	// {"id":1,"name":"Vienna, AT"}
	// {"id":2,"name":""}
	// 2 <nil>
}

func ExampleTable_NewWriter() {
	ctx := context.Background()
	pg, done := openExample(ctx)
	defer done()

	w := cities.NewWriter(pg, nil)
	for id := range int64(3) {
		if err := w.Add(ctx, city{ID: id, Name: "somewhere"}); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(w.Write(ctx, city{ID: 9, Name: "committed when Write returns"}))
	fmt.Println(w.Close(ctx))
	// Output:
	// <nil>
	// <nil>
}
