//go:build unix

package pgbouncer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/internal/daemon"
)

// Mode defines when a server connection returns to the pool.
type Mode string

// The modes, with the names of pool_mode.
const (
	Session     Mode = "session"     // when the client disconnects
	Transaction Mode = "transaction" // after each transaction
	Statement   Mode = "statement"   // after each statement; BEGIN is refused
)

// Options configures a PgBouncer. The zero value, and a nil *Options, mean the
// defaults.
type Options struct {
	Mode Mode // default: Transaction

	// Settings are settings of the section [pgbouncer], such as
	// "default_pool_size": "2". They override the defaults of this package.
	Settings map[string]string
}

// Bouncer is a running PgBouncer.
type Bouncer struct {
	user     string
	port     int
	dir      string
	process  *os.Process
	exited   chan struct{} // closed when the process has ended
	watchdog *daemon.Watchdog
}

// Start starts a PgBouncer in front of all databases of a server. It connects
// as the user of the connection string; clients need no password. The PgBouncer
// ends with its program. If PgBouncer is not installed, the error wraps
// [ErrNotInstalled].
func Start(ctx context.Context, server string, opts *Options) (*Bouncer, error) {
	if opts == nil {
		opts = &Options{}
	}
	cfg, err := pgx.ParseConfig(server)
	if err != nil {
		return nil, fmt.Errorf("start PgBouncer: %w", err)
	}
	program, err := find()
	if err != nil {
		return nil, fmt.Errorf("start PgBouncer: %w", err)
	}
	b, err := startOnFreePort(ctx, program, cfg, opts)
	if err != nil {
		return nil, fmt.Errorf("start PgBouncer: %w", err)
	}
	return b, nil
}

// ErrNotInstalled is wrapped by the error of Start if PgBouncer is not
// installed.
var ErrNotInstalled = errors.New("not installed (apt-get install pgbouncer)")

// find also looks in /usr/sbin, where Debian installs PgBouncer, and which is
// not on the PATH of users.
func find() (string, error) {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if program, err := exec.LookPath(name); err == nil {
			return program, nil
		}
	}
	return "", ErrNotInstalled
}

// ConnString returns the URL of a database through the pool.
func (b *Bouncer) ConnString(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.User(b.user), Host: b.Addr(),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Console returns the URL of the admin console, for SHOW, PAUSE, RECONNECT and
// KILL. The URL selects the simple protocol, which the console requires.
func (b *Bouncer) Console() string {
	return b.ConnString("pgbouncer") + "&default_query_exec_mode=simple_protocol"
}

// Addr returns the host:port at which PgBouncer listens.
func (b *Bouncer) Addr() string { return net.JoinHostPort(daemon.Loopback, strconv.Itoa(b.port)) }

// Close stops PgBouncer, cuts its connections and removes its files. It may be
// called more than once.
func (b *Bouncer) Close() error {
	if b.process != nil {
		_ = b.process.Signal(syscall.SIGTERM) // stops at once, without data loss
		<-b.exited
		b.process = nil
	}
	err := os.RemoveAll(b.dir)
	b.watchdog.Dismiss()
	b.watchdog = nil
	return err
}

func startOnFreePort(ctx context.Context, program string, server *pgx.ConnConfig, opts *Options) (*Bouncer, error) {
	const tries = 20
	for range tries {
		b, err := newBouncer(server.User)
		if err != nil {
			return nil, err
		}
		if err = b.start(ctx, program, server, opts); err == nil {
			return b, nil
		}
		if err = errors.Join(err, b.Close()); !errors.Is(err, daemon.ErrPortTaken) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w, %d times in a row", daemon.ErrPortTaken, tries)
}

// removeBouncer stops the process in $1/pid when the program has died.
const removeBouncer = `
read -r _
[ -d "$1" ] || exit 0
read -r pid <"$1/pid" && kill "$pid"
rm -rf "$1"
`

func newBouncer(user string) (*Bouncer, error) {
	owner, err := daemon.NewOwner()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgbouncer-")
	if err != nil {
		return nil, err
	}
	b := &Bouncer{user: user, port: daemon.FreePort(), dir: dir}
	if err = owner.Take(dir); err == nil {
		b.watchdog, err = daemon.Watch(owner, removeBouncer, dir)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return b, nil
}

func (b *Bouncer) start(ctx context.Context, program string, server *pgx.ConnConfig, opts *Options) error {
	owner, err := daemon.NewOwner()
	if err != nil {
		return err
	}
	users := quote(server.User) + " " + quote(server.Password) + "\n"
	for name, text := range map[string]string{"users": users, "ini": b.configuration(server, opts)} {
		file := filepath.Join(b.dir, name)
		if err := errors.Join(os.WriteFile(file, []byte(text), 0o600), owner.Take(file)); err != nil {
			return err
		}
	}
	log, err := os.OpenFile(b.log(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the process has its own copy

	// WithoutCancel: the context is for starting, the process outlives it.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program, filepath.Join(b.dir, "ini"))
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.dir, log, log
	cmd.SysProcAttr = owner.Attributes()
	if err := cmd.Start(); err != nil {
		return err
	}
	b.process, b.exited = cmd.Process, make(chan struct{})
	go func() {
		defer close(b.exited)
		_ = cmd.Wait() // startError reads the log
	}()
	return b.awaitReady(ctx)
}

func (b *Bouncer) log() string { return filepath.Join(b.dir, "log") }

// configuration returns the ini file. Only the server checks passwords.
func (b *Bouncer) configuration(server *pgx.ConnConfig, opts *Options) string {
	mode := opts.Mode
	if mode == "" {
		mode = Transaction
	}
	settings := map[string]string{
		"listen_addr":               daemon.Loopback,
		"listen_port":               strconv.Itoa(b.port),
		"unix_socket_dir":           "",
		"pidfile":                   filepath.Join(b.dir, "pid"),
		"auth_type":                 "trust",
		"auth_file":                 filepath.Join(b.dir, "users"),
		"admin_users":               server.User,
		"pool_mode":                 string(mode),
		"max_client_conn":           "500",
		"ignore_startup_parameters": "extra_float_digits",
	}
	maps.Copy(settings, opts.Settings)
	var text strings.Builder
	fmt.Fprintf(&text, "[databases]\n* = host=%s port=%d\n[pgbouncer]\n", server.Host, server.Port)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&text, "%s = %s\n", name, settings[name])
	}
	return text.String()
}

// quote quotes a string for the file of users.
func quote(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// awaitReady retries until it can connect to the console.
func (b *Bouncer) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, b.Console())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-b.exited:
			return b.startError()
		case <-ctx.Done():
			return fmt.Errorf("wait until PgBouncer is ready: %w", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// startError returns an error with the log of a process that ended at once.
func (b *Bouncer) startError() error {
	content, err := os.ReadFile(b.log())
	if err != nil {
		return err
	}
	if bytes.Contains(content, []byte("Address already in use")) {
		return daemon.ErrPortTaken
	}
	return fmt.Errorf("PgBouncer ended at once: %s", bytes.TrimSpace(content))
}
