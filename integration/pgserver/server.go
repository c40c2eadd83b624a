package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Options says what kind of server is wanted. Nil and the zero value mean any PostgreSQL, set up for tests.
type Options struct {
	// Version is the major version, "15" or "17". Default: whichever is found, the newest first.
	Version string

	// Settings are server settings as postgresql.conf has them, such as "wal_level": "logical".
	// They win over the package's own. A server from DATABASE_URL is taken only if it shows the same values.
	Settings map[string]string

	// Password makes the server ask for it by SCRAM-SHA-256. Default: a server from local binaries, which only
	// listens on the loopback address, asks for none, and a container for a random one. The connection string has it.
	Password string

	// Durable leaves fsync and full_page_writes on. Default: both are off, so that data may be lost when the machine
	// stops, though not when the server is killed.
	Durable bool

	// Log gets one line for each server that is started. Default: os.Stderr, and each line once per process.
	Log io.Writer
}

// Server is a running PostgreSQL. Its methods may be called from any goroutine; those that stop and start wait for
// each other.
type Server struct {
	address address
	version string
	origin  string

	mu       sync.Mutex // held during each change of state, so that two of them never mix
	instance instance   // nil when the server is somebody else's
	closed   bool
}

// instance is the part of a server that differs between processes and containers.
type instance interface {
	start(ctx context.Context) error // on the same address, with the same data
	stop(ctx context.Context) error  // a fast shutdown: clients are cut, data is flushed
	kill(ctx context.Context) error  // every process at once, as if power had gone
	pause(ctx context.Context) error
	resume(ctx context.Context) error
	remove(ctx context.Context) error // in whatever state, with all that it left
}

// Start returns a server, from the first of these that is there: DATABASE_URL, a container engine, PostgreSQL on this
// machine, binaries that are downloaded once. The environment variable HEADRACE_SERVER (url, docker, local, download)
// forces one. Where none is to be had, the error says what to install.
//
// Call [Server.Close] at the end. A server whose program dies without doing so is stopped and removed all the same.
func Start(ctx context.Context, opts *Options) (*Server, error) {
	return start(ctx, opts, sources())
}

// Private is [Start] for a server that the caller may stop and kill: it is never the one in DATABASE_URL.
func Private(ctx context.Context, opts *Options) (*Server, error) {
	return start(ctx, opts, ownSources())
}

// ConnString is the URL of the server's database "postgres", or what DATABASE_URL says.
func (s *Server) ConnString() string { return s.address.connString }

// ConnStringFor is [Server.ConnString] with another database.
func (s *Server) ConnStringFor(database string) string { return s.address.withDatabase(database) }

// Addr is where the server listens, as host:port: what a proxy in front of it dials. Of a connection string with
// several hosts it is the first.
func (s *Server) Addr() string { return s.address.hostPort }

// Version is the server's own name of its version, such as "15.18 (Debian 15.18-0+deb12u1)".
func (s *Server) Version() string { return s.version }

// Origin says where the server came from, for people: "container of postgres:17-alpine".
func (s *Server) Origin() string { return s.origin }

// Close stops the server and removes its data. A server from DATABASE_URL is left as it is. Calling it twice is fine.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.instance == nil || s.closed {
		return nil
	}
	s.closed = true
	if err := s.instance.remove(context.Background()); err != nil {
		return fmt.Errorf("remove PostgreSQL: %w", err)
	}
	return nil
}

// Stop shuts the server down as its operator would: clients are cut, data is flushed. Its data stays for
// [Server.Restart].
func (s *Server) Stop(ctx context.Context) error {
	return s.change("stop", func(i instance) error { return i.stop(ctx) })
}

// Kill ends all processes of the server with SIGKILL. Its data stays as it is, for recovery by [Server.Restart].
func (s *Server) Kill(ctx context.Context) error {
	return s.change("kill", func(i instance) error { return i.kill(ctx) })
}

// Restart starts the server on the address it had, and returns when it takes connections. A server that still runs
// is stopped first.
func (s *Server) Restart(ctx context.Context) error {
	return s.change("restart", func(i instance) error {
		if err := i.stop(ctx); err != nil {
			return err
		}
		if err := i.start(ctx); err != nil {
			return err
		}
		_, err := s.address.serverVersion(ctx)
		return err
	})
}

// Pause stops all processes of the server in the middle of what they do: connections stay open and nothing answers.
func (s *Server) Pause(ctx context.Context) error {
	return s.change("pause", func(i instance) error { return i.pause(ctx) })
}

// Continue ends [Server.Pause].
func (s *Server) Continue(ctx context.Context) error {
	return s.change("continue", func(i instance) error { return i.resume(ctx) })
}

var (
	errNotOurs = errors.New("the server is not ours to stop: use Private")
	errClosed  = errors.New("the server is closed")
)

func (s *Server) change(what string, do func(instance) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := errNotOurs
	switch {
	case s.instance == nil:
	case s.closed:
		err = errClosed
	default:
		err = do(s.instance)
	}
	if err != nil {
		return fmt.Errorf("%s PostgreSQL: %w", what, err)
	}
	return nil
}
