// Command withpostgres runs a command while a PostgreSQL is there for it:
//
//	withpostgres [-version 15] [-set name=value]... command [argument]...
//
// The server is one that package pgserver finds or starts; the command gets a new database on it as DATABASE_URL, and
// the exit status is the command's. When it ends, database and server are gone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/pgserver"
)

func main() {
	opts := &pgserver.Options{Settings: map[string]string{}}
	flag.StringVar(&opts.Version, "version", "", "major `version` of PostgreSQL (default any)")
	flag.Func("set", "server setting, `name=value`; may be repeated", func(s string) error {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return errors.New("want name=value")
		}
		opts.Settings[name] = value
		return nil
	})
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	status, err := run(opts, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "withpostgres:", err)
		os.Exit(1)
	}
	os.Exit(status)
}

// run starts the server, runs the command and returns its exit status. Ctrl-C reaches the command from the terminal;
// here it is only kept from ending this program before the server is gone.
func run(opts *pgserver.Options, command []string) (status int, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server, err := pgserver.Start(ctx, opts)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, server.Close()) }()

	database := fmt.Sprintf("withpostgres_%08x", rand.Uint32())
	quoted := pgx.Identifier{database}.Sanitize()
	if err := execute(ctx, server, "CREATE DATABASE "+quoted+" TEMPLATE template0"); err != nil {
		return 0, fmt.Errorf("create a database: %w", err)
	}
	defer func() {
		drop := execute(context.WithoutCancel(ctx), server, "DROP DATABASE "+quoted+" WITH (FORCE)")
		err = errors.Join(err, drop)
	}()
	return runCommand(ctx, command, server.ConnStringFor(database))
}

func runCommand(ctx context.Context, command []string, connString string) (status int, err error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Env = append(os.Environ(), "DATABASE_URL="+connString)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil // -1 after a signal
	}
	return 0, err
}

func execute(ctx context.Context, server *pgserver.Server, sql string) error {
	conn, err := pgx.Connect(ctx, server.ConnString())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = conn.Exec(ctx, sql)
	return err
}
