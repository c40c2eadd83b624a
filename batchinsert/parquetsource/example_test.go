package parquetsource_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/batchinsert/parquetsource"
)

func Example() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	file, err := os.Open("flights.parquet")
	if err != nil {
		log.Fatal(err)
	}
	info, err := file.Stat()
	if err != nil {
		log.Fatal(err)
	}
	flights, err := parquetsource.Open(file, info.Size(), nil)
	if err != nil {
		log.Fatal(err)
	}
	rows, err := flights.Records("flights.parquet")
	if err != nil {
		log.Fatal(err)
	}
	report, err := batchinsert.Load(ctx, pool, "flights", rows, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Rows)
}
