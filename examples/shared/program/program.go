// Package program runs an example in a new database and checks its claims.
package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/headrace/headrace/examples/shared/sandbox"
)

// A Body is the code of an example. It gets the connection string of its
// database.
type Body func(ctx context.Context, connString string, a *Report) error

// Main is the main function of an example. It exits with status 1 after an
// error, or if a claim does not hold.
func Main(name string, body Body) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := Run(ctx, name, os.Stdout, body)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Run runs body in a new database, and drops the database. It returns an error
// if a claim does not hold.
func Run(ctx context.Context, name string, out io.Writer, body Body) (err error) {
	box, err := sandbox.Open(ctx, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, box.Close(context.WithoutCancel(ctx))) }()
	return On(ctx, box.ConnString, out, body)
}

// On is Run in an existing database.
func On(ctx context.Context, connString string, out io.Writer, body Body) error {
	a := &Report{out: out}
	if err := body(ctx, connString, a); err != nil {
		return err
	}
	return a.verdict()
}
