package pgserver_test

import (
	"context"
	"fmt"
	"io"
	"log"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/pgserver"
)

// A private server is killed and restarted, and still has all committed rows.
func ExamplePrivate() {
	ctx := context.Background()
	server, err := pgserver.Private(ctx, &pgserver.Options{
		Settings: map[string]string{"max_connections": "50"},
		Log:      io.Discard,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = server.Close() }()

	run(ctx, server, "CREATE TABLE towns AS SELECT 'Kent' AS name")
	if err := server.Kill(ctx); err != nil {
		log.Fatal(err)
	}
	if err := server.Restart(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(run(ctx, server, "SELECT name FROM towns"))
	fmt.Println(run(ctx, server, "SHOW max_connections"))
	// Output:
	// [Kent]
	// [50]
}

// run returns the first column of the result of a statement.
func run(ctx context.Context, server *pgserver.Server, sql string) []string {
	conn, err := pgx.Connect(ctx, server.ConnString())
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		log.Fatal(err)
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		log.Fatal(err)
	}
	return values
}
