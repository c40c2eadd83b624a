package connecterror

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Connect explains in one line why no connection could be made, and to which
// server, if err is an error of connecting; it returns any other error as it
// is. errors.As finds the cause. The message never contains the password.
func Connect(err error) error {
	failed, ok := errors.AsType[*pgconn.ConnectError](err)
	if !ok || explained(err) {
		return err
	}
	return explain(failed.Config, err, attempts(failed.Unwrap()))
}

// Open is Connect for the ping of db.Open: any error of it means that no
// connection could be made.
func Open(cfg *pgx.ConnConfig, err error) error {
	if err = Connect(err); explained(err) {
		return err
	}
	return explain(&cfg.Config, err, []error{err})
}

// Setup reports that a hook failed, or an option that sets up connections: the
// server is reachable and accepted the user.
func Setup(conn *pgx.Conn, what string, err error) error {
	if err == nil {
		return nil
	}
	to := conn.PgConn().Conn().RemoteAddr() // the host of the connection, out of several
	return oneLine(fmt.Sprintf("set up the connection to %s as user %q: %s", addressOf(to.Network(), to.String()), conn.Config().User, what), err)
}

// BeforeConnect reports that the hook BeforeConnect failed.
func BeforeConnect(cfg *pgx.ConnConfig, err error) error {
	if err == nil {
		return nil
	}
	return oneLine(fmt.Sprintf("connect to %s as user %q: hook BeforeConnect", strings.Join(hosts(&cfg.Config), ", "), cfg.User), err)
}

// oneLineError has the message of its cause in one line.
type oneLineError struct {
	text  string
	cause error
}

func (e *oneLineError) Error() string { return e.text }
func (e *oneLineError) Unwrap() error { return e.cause }

// oneLine prefixes an error with text, and joins its lines: pgx writes one for
// each attempt. It keeps the first of equal lines: an attempt without TLS often
// fails like the one with TLS.
func oneLine(text string, err error) error {
	var lines []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.Join(strings.Fields(line), " "); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return &oneLineError{text + ": " + strings.Join(lines, " "), err}
}

func explained(err error) bool {
	_, ok := errors.AsType[*oneLineError](err)
	return ok
}

// explain names the servers that were tried and the problem with each.
func explain(cfg *pgconn.Config, err error, attempts []error) error {
	var tried []place
	for _, attempt := range attempts {
		tried = noteAttempt(tried, place{
			name:     placeOf(cfg, attempt),
			problem:  connectProblem(cfg, attempt),
			answered: IsServer(attempt),
		})
	}
	differ := slices.ContainsFunc(tried, func(p place) bool { return p.problem != tried[0].problem })
	names := make([]string, len(tried))
	for i, p := range tried {
		names[i] = p.name
		if differ {
			names[i] += " (" + cmp.Or(strings.TrimSuffix(p.problem, isItRunning), "no connection") + ")"
		}
	}
	text := fmt.Sprintf("connect to %s as user %q", strings.Join(names, ", "), cfg.User)
	if !differ && tried[0].problem != "" {
		text += ": " + tried[0].problem
	}
	return oneLine(text, err)
}

// A place is a server that was tried.
type place struct {
	name     string
	problem  string // "" if the error itself is clear
	answered bool   // the server itself returned an error
}

// noteAttempt adds an attempt. Among several attempts at one place, with TLS
// and without, at each address of its name, the last one counts, unless the
// server itself returned an error to an earlier one.
func noteAttempt(tried []place, p place) []place {
	i := slices.IndexFunc(tried, func(q place) bool { return q.name == p.name })
	switch {
	case i < 0:
		return append(tried, p)
	case p.answered || !tried[i].answered:
		tried[i] = p
	}
	return tried
}

// attempts splits the error that pgx joins into one error for each address.
func attempts(err error) []error {
	if isHookError(err) {
		return []error{err}
	}
	if joined, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// isHookError reports whether err comes from pgconn's own hook,
// [pgconn.Config.AfterConnect], and so is not an error of connecting. pgx has
// no type for it.
func isHookError(err error) bool { return strings.HasPrefix(err.Error(), "AfterConnect error: ") }

// placeOf returns the server of an attempt. pgx does not export the type of
// these errors; their text begins "address (host): ". Any other error concerns
// all servers in cfg.
func placeOf(cfg *pgconn.Config, attempt error) string {
	if dnsErr, ok := errors.AsType[*net.DNSError](attempt); ok {
		for _, host := range hosts(cfg) {
			if name, _, err := net.SplitHostPort(host); err == nil && name == dnsErr.Name {
				return host
			}
		}
	}
	address, rest, ok := strings.Cut(attempt.Error(), " (")
	name, _, closed := strings.Cut(rest, "): ")
	if !ok || !closed {
		return strings.Join(hosts(cfg), ", ")
	}
	if _, port, err := net.SplitHostPort(address); err == nil {
		return net.JoinHostPort(name, port)
	}
	return addressOf("unix", address)
}

// hosts returns the servers that cfg names, each once.
func hosts(cfg *pgconn.Config) []string {
	all := []string{hostOf(cfg.Host, cfg.Port)}
	for _, f := range cfg.Fallbacks {
		if host := hostOf(f.Host, f.Port); !slices.Contains(all, host) {
			all = append(all, host)
		}
	}
	return all
}

func hostOf(host string, port uint16) string {
	network, address := pgconn.NetworkAddress(host, port)
	if network != "unix" {
		address = net.JoinHostPort(host, strconv.Itoa(int(port)))
	}
	return addressOf(network, address)
}

func addressOf(network, address string) string {
	if network == "unix" {
		return "socket " + address
	}
	return address
}

const isItRunning = " (is the server running?)"

// connectProblem describes the problem, or returns "" if the error itself is
// clear.
func connectProblem(cfg *pgconn.Config, err error) string {
	if isHookError(err) {
		return ""
	}
	if pgErr, ok := Server(err); ok {
		return refusal(cfg, pgErr)
	}
	if dnsErr, ok := errors.AsType[*net.DNSError](err); ok && dnsErr.IsNotFound {
		return fmt.Sprintf("no such host %q", dnsErr.Name)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "the server's certificate is not to be trusted"
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there" + isItRunning
	case errors.Is(err, syscall.ENOENT):
		return "there is no such socket" + isItRunning
	case errors.Is(err, context.Canceled):
		return "the context was cancelled"
	case isTimeout(err):
		return "no answer in time"
	case strings.Contains(err.Error(), "server refused TLS connection"): // pgx has no type for it
		return "the server does not speak TLS, which sslmode asks for"
	}
	return ""
}

// refusal describes why the server rejected the connection. Codes: PostgreSQL
// manual, appendix "PostgreSQL Error Codes".
func refusal(cfg *pgconn.Config, pgErr *pgconn.PgError) string {
	switch pgErr.Code {
	case "28P01":
		if cfg.Password == "" {
			return "the server asks for a password, and none was given"
		}
		return "wrong password"
	case "28000":
		return "the server does not let this user in"
	case "42501":
		return "this user may not connect to the database"
	case "3D000":
		return fmt.Sprintf("there is no database %q", cmp.Or(cfg.Database, cfg.User))
	case "53300":
		return "the server has no connection left"
	case "57P03":
		return "the server is starting up or shutting down"
	}
	return "the server answers with an error"
}

func isTimeout(err error) bool {
	netErr, ok := errors.AsType[net.Error](err)
	return ok && netErr.Timeout()
}
