//go:build unix

package pgserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/headrace/headrace/integration/internal/daemon"
)

// local is a server in a child process. All of its files are below dir: the
// cluster in data, the socket and the log.
type local struct {
	bin      string
	dir      string
	port     int
	owner    *daemon.Owner // nil: the current user
	watchdog *daemon.Watchdog

	process *os.Process   // the postmaster
	exited  chan struct{} // closed when the postmaster has ended
}

// startLocal starts a new cluster with the PostgreSQL on this machine.
func startLocal(ctx context.Context, opts *Options) (*Server, error) {
	bin, err := findBinaries(ctx, opts.Version)
	if err != nil {
		return nil, err
	}
	return startBinaries(ctx, opts, bin)
}

func startBinaries(ctx context.Context, opts *Options, bin binaries) (*Server, error) {
	l, err := newLocal(bin.dir)
	if err != nil {
		return nil, err
	}
	server, err := l.serve(ctx, opts)
	if err != nil {
		return nil, errors.Join(err, l.remove(ctx))
	}
	return server, nil
}

func newLocal(bin string) (*local, error) {
	owner, err := daemon.NewOwner()
	if errors.Is(err, daemon.ErrNoOwner) {
		return nil, absent("%v", err)
	}
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgserver-")
	if err != nil {
		return nil, err
	}
	l := &local{bin: bin, dir: dir, owner: owner}
	if err := owner.Take(dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if l.watchdog, err = watch(dir, owner); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return l, nil
}

func (l *local) serve(ctx context.Context, opts *Options) (*Server, error) {
	if err := l.initialise(ctx, opts); err != nil {
		return nil, err
	}
	if err := l.startOnFreePort(ctx, opts); err != nil {
		return nil, err
	}
	addr := newAddress(daemon.Loopback, l.port, opts.Password)
	version, err := addr.serverVersion(ctx)
	if err != nil {
		return nil, err
	}
	return &Server{address: addr, version: version, origin: "from " + l.bin, instance: l}, nil
}

func (l *local) data() string { return filepath.Join(l.dir, "data") }
func (l *local) log() string  { return filepath.Join(l.dir, "log") }

// initialise creates the cluster. C.UTF-8 sorts texts alike on each machine; C
// does too, for systems without C.UTF-8 (macOS before 15).
func (l *local) initialise(ctx context.Context, opts *Options) error {
	args := []string{"-D", l.data(), "-U", "postgres", "--encoding=UTF8", "--no-sync"}
	if opts.Password == "" {
		args = append(args, "--auth=trust") // the socket and 127.0.0.1 only
	} else {
		file := filepath.Join(l.dir, "password")
		if err := os.WriteFile(file, []byte(opts.Password+"\n"), 0o600); err != nil {
			return err
		}
		if err := l.owner.Take(file); err != nil {
			return err
		}
		args = append(args, "--auth=scram-sha-256", "--pwfile="+file)
	}
	out, err := l.command(ctx, "initdb", append(args, "--locale=C.UTF-8")...).CombinedOutput()
	if err != nil && bytes.Contains(out, []byte("invalid locale")) {
		out, err = l.command(ctx, "initdb", append(args, "--locale=C")...).CombinedOutput()
	}
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(out))
	}
	return l.include()
}

// include includes confName at the end of the configuration of initdb.
func (l *local) include() error {
	conf, err := os.OpenFile(filepath.Join(l.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(conf, "\ninclude '%s'\n", confName)
	return errors.Join(err, conf.Close())
}

const confName = "pgserver.conf"

// command returns a command that runs a PostgreSQL program as the owner.
func (l *local) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(l.bin, name), args...)
	cmd.Dir = l.dir
	cmd.Env = serverEnvironment()
	cmd.SysProcAttr = l.owner.Attributes()
	return cmd
}

// serverEnvironment returns the environment without variables that change the
// behavior or the language of the server.
func serverEnvironment() []string {
	var env []string
	for _, entry := range os.Environ() {
		if strings.HasPrefix(entry, "PG") || strings.HasPrefix(entry, "LC_") || strings.HasPrefix(entry, "LANG") {
			continue
		}
		env = append(env, entry)
	}
	return env
}

// startOnFreePort tries ports until the server can bind one. Another process
// may take a free port before the server binds it.
func (l *local) startOnFreePort(ctx context.Context, opts *Options) error {
	const tries = 20
	for range tries {
		l.port = daemon.FreePort()
		if err := l.configure(opts); err != nil {
			return err
		}
		if err := l.start(ctx); !errors.Is(err, daemon.ErrPortTaken) {
			return err
		}
	}
	return fmt.Errorf("%w, %d times in a row", daemon.ErrPortTaken, tries)
}

func (l *local) configure(opts *Options) error {
	conf := configuration(opts, map[string]string{
		"listen_addresses":        daemon.Loopback,
		"port":                    strconv.Itoa(l.port),
		"unix_socket_directories": l.dir,
	})
	file := filepath.Join(l.data(), confName)
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		return err
	}
	return l.owner.Take(file)
}

// start starts the server. It retries while processes of a killed server still
// hold its shared memory.
func (l *local) start(ctx context.Context) error {
	for deadline := time.Now().Add(lastProcesses); ; {
		err := l.startOnce(ctx)
		if !errors.Is(err, errMemoryInUse) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

const lastProcesses = 15 * time.Second

var errMemoryInUse = errors.New("processes of the killed server are still running")

// startOnce starts the postmaster and waits until it is ready.
func (l *local) startOnce(ctx context.Context) error {
	log, err := os.OpenFile(l.log(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the server has its own copy

	// WithoutCancel: the context is for starting, the server outlives it.
	cmd := l.command(context.WithoutCancel(ctx), "postgres", "-D", l.data())
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	l.process, l.exited = cmd.Process, make(chan struct{})
	go func() {
		defer close(l.exited)
		_ = cmd.Wait() // startError reads the log
	}()
	if err := l.awaitReady(ctx); err != nil {
		l.signal(syscall.SIGQUIT)
		<-l.exited
		return err
	}
	return nil
}

// awaitReady polls the status line of postmaster.pid, as pg_ctl does.
func (l *local) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !l.ready() {
		select {
		case <-tick.C:
		case <-l.exited:
			return l.startError()
		case <-ctx.Done():
			return fmt.Errorf("wait for the server to be ready: %w", ctx.Err())
		}
	}
	return nil
}

func (l *local) ready() bool {
	const pidLine, statusLine = 0, 7 // src/include/utils/pidfile.h, counted from 1 there
	content, err := os.ReadFile(filepath.Join(l.data(), "postmaster.pid"))
	if err != nil {
		return false
	}
	lines := strings.Split(string(content), "\n")
	if len(lines) <= statusLine || strings.TrimSpace(lines[pidLine]) != strconv.Itoa(l.process.Pid) {
		return false
	}
	status := strings.TrimSpace(lines[statusLine])
	return status == "ready" || status == "standby"
}

// startError returns an error with the log of a server that ended at once.
func (l *local) startError() error {
	content, err := os.ReadFile(l.log())
	if err != nil {
		return err
	}
	if bytes.Contains(content, []byte("could not create any TCP/IP sockets")) {
		return daemon.ErrPortTaken
	}
	if bytes.Contains(content, []byte("pre-existing shared memory block")) {
		return errMemoryInUse
	}
	return fmt.Errorf("the server ended at once: %s", bytes.TrimSpace(content))
}

func (l *local) stop(ctx context.Context) error {
	if !l.running() {
		return nil
	}
	l.signalAll(syscall.SIGCONT)
	l.signal(syscall.SIGINT) // fast shutdown
	select {
	case <-l.exited:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the server to end: %w", ctx.Err())
	}
}

func (l *local) kill(context.Context) error {
	if !l.running() {
		return nil
	}
	l.signalAll(syscall.SIGKILL)
	<-l.exited
	return nil
}

func (l *local) pause(context.Context) error {
	l.signalAll(syscall.SIGSTOP)
	return nil
}

func (l *local) resume(context.Context) error {
	l.signalAll(syscall.SIGCONT)
	return nil
}

// remove stops the server without a checkpoint and removes its files.
func (l *local) remove(context.Context) error {
	if l.running() {
		l.signalAll(syscall.SIGCONT)
		l.signal(syscall.SIGQUIT)
		select {
		case <-l.exited:
		case <-time.After(10 * time.Second):
			l.signalAll(syscall.SIGKILL)
			<-l.exited
		}
	}
	err := os.RemoveAll(l.dir)
	l.watchdog.Dismiss()
	return err
}

func (l *local) running() bool {
	if l.process == nil {
		return false
	}
	select {
	case <-l.exited:
		return false
	default:
		return true
	}
}

// signal sends a signal to the postmaster, and ignores that it may have ended.
func (l *local) signal(sig syscall.Signal) { _ = l.process.Signal(sig) }

// signalAll sends a signal to the postmaster and its children, each of which
// has its own session. It stops the postmaster before it lists the children, so
// that no child is missed.
func (l *local) signalAll(sig syscall.Signal) {
	if !l.running() {
		return
	}
	if sig != syscall.SIGCONT {
		l.signal(syscall.SIGSTOP)
	}
	for _, pid := range childrenOf(l.process.Pid) {
		_ = syscall.Kill(pid, sig)
	}
	l.signal(sig)
}
