package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Options configures a server. The zero value, and a nil *Options, mean any
// version with settings for tests.
type Options struct {
	// Version is the major version, such as "17". Default: the newest
	// available.
	Version string

	// Settings are server settings as in postgresql.conf, such as "wal_level":
	// "logical". They override the defaults of this package. The server in
	// DATABASE_URL is used only if it has the same values.
	Settings map[string]string

	// Password is the password of the user, checked by SCRAM-SHA-256. The
	// connection string contains it. Default: none for local binaries, which
	// listen only on the loopback address, and a random one for containers.
	Password string

	// Durable leaves fsync and full_page_writes on. Default: both are off, and
	// a crash of the machine may lose data; killing the server does not.
	Durable bool

	// Log receives one line for each server that is started. Default:
	// os.Stderr, with each line once per process.
	Log io.Writer
}

// Server is a running PostgreSQL. It is safe for concurrent use; methods that
// start and stop the server wait for each other.
type Server struct {
	address address
	version string
	origin  string

	mu       sync.Mutex // held during each change of state
	instance instance   // nil for the server in DATABASE_URL
	closed   bool
}

// instance is the part of a server that differs between processes and
// containers.
type instance interface {
	start(ctx context.Context) error // at the same address, with the same data
	stop(ctx context.Context) error  // fast shutdown: disconnects clients, flushes data
	kill(ctx context.Context) error  // kills all processes, as a power failure does
	pause(ctx context.Context) error
	resume(ctx context.Context) error
	remove(ctx context.Context) error // in any state, with all files
}

// Start returns a server from the first available source: DATABASE_URL, a
// container engine, PostgreSQL on this machine, downloaded binaries. The
// environment variable HEADRACE_SERVER (url, docker, local, download) selects a
// source. If no source is available, the error says what to install.
//
// The caller must call [Server.Close]. If the program ends without doing so,
// the server is stopped and removed nevertheless.
func Start(ctx context.Context, opts *Options) (*Server, error) {
	return start(ctx, opts, sources())
}

// Private is [Start] for a server that the caller may stop and kill. It never
// uses DATABASE_URL.
func Private(ctx context.Context, opts *Options) (*Server, error) {
	return start(ctx, opts, ownSources())
}

// ConnString returns the URL of the database postgres, or DATABASE_URL.
func (s *Server) ConnString() string { return s.address.connString }

// ConnStringFor returns [Server.ConnString] with another database.
func (s *Server) ConnStringFor(database string) string { return s.address.withDatabase(database) }

// Addr returns the host:port at which the server listens. For a connection
// string with several hosts it returns the first.
func (s *Server) Addr() string { return s.address.hostPort }

// Version returns server_version, such as "15.18 (Debian 15.18-0+deb12u1)".
func (s *Server) Version() string { return s.version }

// Origin describes the source of the server, such as "container of
// postgres:17-alpine".
func (s *Server) Origin() string { return s.origin }

// Close stops the server and removes its data. It does not stop the server in
// DATABASE_URL. It may be called more than once.
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

// Stop performs a fast shutdown: it disconnects clients and flushes data. The
// data stays for [Server.Restart].
func (s *Server) Stop(ctx context.Context) error {
	return s.change("stop", func(i instance) error { return i.stop(ctx) })
}

// Kill kills all processes of the server with SIGKILL. The data stays for
// recovery by [Server.Restart].
func (s *Server) Kill(ctx context.Context) error {
	return s.change("kill", func(i instance) error { return i.kill(ctx) })
}

// Restart starts the server at its old address, and returns when it accepts
// connections. It stops a running server first.
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

// Pause suspends all processes of the server. Connections stay open, and
// nothing responds.
func (s *Server) Pause(ctx context.Context) error {
	return s.change("pause", func(i instance) error { return i.pause(ctx) })
}

// Continue ends [Server.Pause].
func (s *Server) Continue(ctx context.Context) error {
	return s.change("continue", func(i instance) error { return i.resume(ctx) })
}

var (
	errNotOurs = errors.New("the server is that of DATABASE_URL: use Private")
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
