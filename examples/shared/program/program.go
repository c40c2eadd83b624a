// Package program runs an example in a database of its own, and holds it to
// what it claims.
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

// A Body is what an example does, with the database of a connection string.
type Body func(ctx context.Context, connString string, a *Account) error

// Main is the main function of the example of this name. It exits with status 1
// after an error or a claim that does not hold.
func Main(name string, body Body) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := Run(ctx, name, os.Stdout, body)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Run runs body in a new database that is dropped afterwards. A claim that does
// not hold is an error.
func Run(ctx context.Context, name string, out io.Writer, body Body) (err error) {
	box, err := sandbox.Open(ctx, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, box.Close(context.WithoutCancel(ctx))) }()
	return On(ctx, box.ConnString, out, body)
}

// On is Run in a database that is there already.
func On(ctx context.Context, connString string, out io.Writer, body Body) error {
	a := &Account{out: out}
	if err := body(ctx, connString, a); err != nil {
		return err
	}
	return a.verdict()
}
