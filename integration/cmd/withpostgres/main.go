// Command withpostgres runs a command with a PostgreSQL database:
//
//	withpostgres [-version 15] [-set name=value]... command [argument]...
//
// It finds or starts a server with package pgserver and creates a database,
// whose URL the command gets in DATABASE_URL. It exits with the status of the
// command, after it has dropped the database and stopped the server.
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

// run starts the server, runs the command and returns its exit status. The
// terminal sends Ctrl-C to the command too; this program ignores it until the
// server has been stopped.
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
