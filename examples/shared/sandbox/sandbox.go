// Package sandbox gives an example a database of its own.
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

// A Sandbox is a database for one run alone, on a server that may be
// somebody's.
type Sandbox struct {
	ConnString string // of the database
	Server     string // what server it is, for people

	server   *pgserver.Server
	database string
}

// Open makes a database for the example of the given name, on the server
// of DATABASE_URL or on one that it starts. It also sees to it that the program
// comes to its close: without it, a reader of its output that goes away, as head
// does, would end it at once.
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

// Close drops the database, and stops the server if it was started for it.
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
