package db

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// connectError says in one line why no connection could be made, and where
// to. The cause stays reachable by errors.As; the password is never in it.
func connectError(cfg *pgx.ConnConfig, err error) error {
	at := fmt.Sprintf("%s as user %q", address(cfg), cfg.User)
	cause := strings.Join(strings.Fields(err.Error()), " ") // pgx gives each attempt a line
	return &oneLineError{fmt.Sprintf("db: connect to %s: %s: %s", at, connectProblem(cfg, err), cause), err}
}

// oneLineError says in one line what its cause says in several.
type oneLineError struct {
	text  string
	cause error
}

func (e *oneLineError) Error() string { return e.text }
func (e *oneLineError) Unwrap() error { return e.cause }

func address(cfg *pgx.ConnConfig) string {
	network, addr := pgconn.NetworkAddress(cfg.Host, cfg.Port)
	if network == "unix" {
		return "socket " + addr
	}
	return addr
}

// connectProblem names the problem in words. Codes: PostgreSQL manual,
// appendix "PostgreSQL Error Codes".
func connectProblem(cfg *pgx.ConnConfig, err error) string {
	if pgErr, ok := asPgError(err); ok {
		switch pgErr.Code {
		case "28P01":
			return "wrong password"
		case "28000":
			return "the server does not let this user in"
		case "3D000":
			return fmt.Sprintf("there is no database %q", cfg.Database)
		case "53300":
			return "the server has no connection left"
		case "57P03":
			return "the server is starting up or shutting down"
		}
		return "the server answers with an error"
	}
	if dnsErr, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("no such host %q", dnsErr.Name)
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there (is the server running?)"
	case errors.Is(err, syscall.ENOENT):
		return "there is no such socket (is the server running?)"
	case isTimeout(err):
		return "no answer in time"
	}
	return "no connection"
}

func isTimeout(err error) bool {
	netErr, ok := errors.AsType[net.Error](err)
	return ok && netErr.Timeout()
}
