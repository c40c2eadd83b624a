package main

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

// sandbox is a database for this run alone, on a server that may be somebody's.
type sandbox struct {
	server     *pgserver.Server
	database   string
	connString string
	name       string // what server it is
}

// openSandbox also sees to it that the program comes to its close: without it, a reader of its output that goes away, as
// head does, would end it at once.
func openSandbox(ctx context.Context) (*sandbox, error) {
	signal.Ignore(syscall.SIGPIPE)
	server, err := pgserver.Start(ctx, nil)
	if err != nil {
		return nil, err
	}
	b := &sandbox{
		server:   server,
		database: fmt.Sprintf("headrace_quickstart_%08x", rand.Uint32()),
		name:     "PostgreSQL " + server.Version() + ", " + server.Origin(),
	}
	b.connString = server.ConnStringFor(b.database)
	if err := b.execute(ctx, "CREATE DATABASE "+b.quoted()); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return b, nil
}

func (b *sandbox) close(ctx context.Context) error {
	return errors.Join(
		b.execute(ctx, "DROP DATABASE "+b.quoted()+" WITH (FORCE)"),
		b.server.Close(),
	)
}

func (b *sandbox) quoted() string { return pgx.Identifier{b.database}.Sanitize() }

func (b *sandbox) execute(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, b.server.ConnString())
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}
