// Package sandbox creates a database for an example.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/signal"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/pgserver"
)

// A Sandbox is a database for one run, on a server that may have other
// databases.
type Sandbox struct {
	ConnString string // of the database
	Server     string // description of the server

	server   *pgserver.Server
	database string
}

// Open creates a database for the example with the given name, on the server in
// DATABASE_URL or on one that it starts. It also ignores SIGPIPE, so that the
// program reaches Close if a reader of its output, such as head, ends early.
func Open(ctx context.Context, example string) (*Sandbox, error) {
	signal.Ignore(syscall.SIGPIPE)
	server, err := pgserver.Start(ctx, nil)
	if err != nil {
		return nil, err
	}
	database := fmt.Sprintf("headrace_%s_%08x", example, rand.Uint32())
	b := &Sandbox{
		ConnString: server.ConnStringFor(database),
		Server:     "PostgreSQL " + server.Version() + ", " + server.Origin(),
		server:     server,
		database:   database,
	}
	if err := b.execute(ctx, "CREATE DATABASE "+b.quoted()); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return b, nil
}

// Close drops the database, and stops the server if Open started it.
func (b *Sandbox) Close(ctx context.Context) error {
	return errors.Join(
		b.execute(ctx, "DROP DATABASE "+b.quoted()+" WITH (FORCE)"),
		b.server.Close(),
	)
}

func (b *Sandbox) quoted() string { return pgx.Identifier{b.database}.Sanitize() }

func (b *Sandbox) execute(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, b.server.ConnString())
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}
