// Command observed is a web service about the cities of the world that is slow
// in six ways, each planted on purpose, and a debug page that names them.
// README.md walks through finding and mending them.
//
//	go run ./examples/observed [-load] [-faults all] [-mend loop,index]
//
// It creates a database, on the server in DATABASE_URL or on one that it
// starts, and drops it at the end. With -load it also sends requests to itself.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/headrace/headrace/examples/shared/sandbox"
)

func main() {
	address := flag.String("addr", "127.0.0.1:8080", "`address` to listen on; with -load, of this machine only")
	plant := flag.String("faults", "all", "`list` of faults to plant: loop, index, hot, pool, leak, unbounded; all; none")
	mend := flag.String("mend", "", "`list` of faults not to plant after all")
	load := flag.Bool("load", false, "send requests to the service")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, *address, *plant, *mend, *load)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "observed:", err)
		os.Exit(1)
	}
}

// run serves in a new database until ctx ends.
func run(ctx context.Context, out io.Writer, address, plant, mend string, load bool) (err error) {
	faults, err := planted(plant, mend)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	defer listener.Close()
	box, err := sandbox.Open(ctx, "observed")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, box.Close(context.WithoutCancel(ctx))) }()
	if err := fill(ctx, box.ConnString); err != nil {
		return err
	}
	s, err := open(ctx, box.ConnString, options{faults: faults, interval: 2 * time.Second, heldFor: 5 * time.Second})
	if err != nil {
		return err
	}
	defer s.close()

	base := "http://" + listener.Addr().String()
	fmt.Fprintf(out, "server     %s\nfaults     %s\nservice    %s/cities?name=Victoria\nprobes     %s/healthz, %s/readyz\ndebug page %s/debug/db/\n",
		box.Server, faults, base, base, base, base)
	if !load {
		return serve(ctx, s, listener)
	}
	return serveUnderLoad(ctx, s, listener, out)
}

// serve serves until ctx ends, and lets requests under way end.
func serve(ctx context.Context, handler http.Handler, listener net.Listener) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*requestTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("shut down: %w", err)
	}
	return nil
}

// serveUnderLoad is serve, with requests of its own.
func serveUnderLoad(ctx context.Context, s *service, listener net.Listener, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	count, driven := new(tally), make(chan error, 1)
	go func() { driven <- drive(ctx, listener.Addr().String(), visitors, count) }()
	fmt.Fprintln(out, "load       is running; findings appear within half a minute; Ctrl-C ends both")
	err := serve(ctx, s, listener)
	cancel()
	err = errors.Join(err, <-driven)
	fmt.Fprintf(out, "%d requests, %d failed\n", count.sent.Load(), count.failed.Load())
	return err
}
