package faultproxy_test

import (
	"context"
	"fmt"
	"io"
	"log"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/faultproxy"
	"github.com/headrace/headrace/integration/pgserver"
)

// The server executes the statement, but its response is cut: the client gets
// an error although the row is stored.
func Example() {
	ctx := context.Background()
	server, err := pgserver.Private(ctx, &pgserver.Options{Log: io.Discard})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	proxy, err := faultproxy.Start(server.Addr())
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = proxy.Close() }()

	direct := connect(ctx, server.ConnString())
	defer func() { _ = direct.Close(ctx) }()
	proxied, err := proxy.ConnString(server.ConnString())
	if err != nil {
		log.Fatal(err)
	}
	conn := connect(ctx, proxied)
	defer func() { _ = conn.Close(ctx) }()

	if _, err := direct.Exec(ctx, "CREATE TABLE paid (amount int)"); err != nil {
		log.Fatal(err)
	}
	proxy.Fail(faultproxy.Fault{Direction: faultproxy.ToClient, After: []byte("INSERT 0 1")})
	_, err = conn.Exec(ctx, "INSERT INTO paid VALUES (10)")
	var rows int
	if err := direct.QueryRow(ctx, "SELECT count(*) FROM paid").Scan(&rows); err != nil {
		log.Fatal(err)
	}
	fmt.Println("error:", err != nil, "rows:", rows)
	// Output: error: true rows: 1
}

func connect(ctx context.Context, connString string) *pgx.Conn {
	conn, err := pgx.Connect(ctx, connString)
	if err != nil {
		log.Fatal(err)
	}
	return conn
}
