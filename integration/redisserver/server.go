//go:build unix

package redisserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/rueidis"

	"github.com/headrace/headrace/integration/internal/daemon"
)

// Options configures a server. The zero value, and a nil *Options, mean the
// defaults.
type Options struct {
	// Settings are lines of redis.conf, such as "maxmemory": "2mb". They
	// override the defaults of this package, which store nothing on disk.
	Settings map[string]string

	// ACL are the users, such as "user joe on >secret ~* +@all". Without a user
	// default, that user may do everything.
	ACL []string
}

// A Server is a Redis server on loopback.
type Server struct {
	opts     Options
	program  string
	port     int
	dir      string
	process  *os.Process   // nil while the server is stopped
	exited   chan struct{} // closed when the process has ended
	watchdog *daemon.Watchdog
}

// ErrNotInstalled is wrapped by the error of Start if Redis is not installed.
var ErrNotInstalled = errors.New("not installed (apt-get install redis-server)")

// Start starts a server. It ends with its program.
func Start(ctx context.Context, opts *Options) (*Server, error) {
	if opts == nil {
		opts = &Options{}
	}
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("redisserver: start: redis-server is %w", ErrNotInstalled)
	}
	const tries = 20
	for range tries {
		s := &Server{opts: *opts, program: program, port: daemon.FreePort()}
		if err = s.prepare(); err == nil {
			err = s.Start(ctx)
		}
		if err == nil {
			return s, nil
		}
		if err = errors.Join(err, s.Close()); !errors.Is(err, daemon.ErrPortTaken) {
			break
		}
	}
	return nil, fmt.Errorf("redisserver: start: %w", err)
}

// Addr returns the host:port at which the server listens, also while it is
// stopped.
func (s *Server) Addr() string { return net.JoinHostPort(daemon.Loopback, strconv.Itoa(s.port)) }

// Start starts the server again after Stop or Kill, with its address and files.
func (s *Server) Start(ctx context.Context) error {
	log, err := os.OpenFile(s.file("log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the process has its own copy

	owner, err := daemon.NewOwner()
	if err != nil {
		return err
	}
	// WithoutCancel: the context is for starting, the process outlives it.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), s.program, s.file("redis.conf"))
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	cmd.SysProcAttr = owner.Attributes()
	if err := cmd.Start(); err != nil {
		return err
	}
	s.process, s.exited = cmd.Process, make(chan struct{})
	go func(exited chan struct{}) {
		defer close(exited)
		_ = cmd.Wait() // startError reads the log
	}(s.exited)
	if err := os.WriteFile(s.file("pid"), fmt.Appendln(nil, cmd.Process.Pid), 0o644); err != nil {
		return err
	}
	return s.awaitReady(ctx)
}

// Stop shuts the server down without saving, which cuts its connections.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill ends the server as a crash would.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// Pause stops the process: connections stay, and nothing is answered until
// Resume.
func (s *Server) Pause() error { return s.process.Signal(syscall.SIGSTOP) }

// Resume continues after Pause.
func (s *Server) Resume() error { return s.process.Signal(syscall.SIGCONT) }

// Close ends the server and removes its files. It may be called more than once.
func (s *Server) Close() error {
	s.Kill()
	var err error
	if s.dir != "" {
		err = os.RemoveAll(s.dir)
	}
	s.watchdog.Dismiss()
	s.watchdog = nil
	return err
}

func (s *Server) end(signal syscall.Signal) {
	if s.process == nil {
		return
	}
	_ = s.process.Signal(signal)
	_ = s.process.Signal(syscall.SIGCONT) // after Pause
	<-s.exited
	s.process = nil
}

// Do runs a command as the user default, and returns the reply as text: a line
// for each element of an array.
func (s *Server) Do(ctx context.Context, command ...string) (string, error) {
	client, err := s.client()
	if err != nil {
		return "", fmt.Errorf("redisserver: %w", err)
	}
	defer client.Close()
	reply, err := client.Do(ctx, client.B().Arbitrary(command...).Build()).ToMessage()
	if err != nil && !rueidis.IsRedisNil(err) {
		return "", fmt.Errorf("redisserver: %s: %w", command[0], err)
	}
	return textOf(reply), nil
}

func textOf(m rueidis.RedisMessage) string {
	if n, err := m.AsInt64(); err == nil && m.IsInt64() {
		return strconv.FormatInt(n, 10)
	}
	if m.IsMap() || m.IsArray() {
		var lines []string
		if fields, err := m.AsMap(); err == nil && m.IsMap() {
			for _, name := range slices.Sorted(maps.Keys(fields)) {
				lines = append(lines, name, textOf(fields[name]))
			}
		}
		elements, _ := m.ToArray()
		for _, e := range elements {
			lines = append(lines, textOf(e))
		}
		return strings.Join(lines, "\n")
	}
	text, _ := m.ToString() // empty for nil
	return text
}

func (s *Server) client() (rueidis.Client, error) {
	return rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{s.Addr()}, ForceSingleClient: true, DisableCache: true, DisableRetry: true,
		Password: s.opts.Settings["requirepass"], PipelineMultiplex: -1,
	})
}

// removeServer ends the process in $1/pid when the program has died.
const removeServer = `
read -r _
[ -d "$1" ] || exit 0
read -r pid <"$1/pid" && kill -9 "$pid"
rm -rf "$1"
`

// prepare makes the directory with the configuration.
func (s *Server) prepare() error {
	owner, err := daemon.NewOwner()
	if err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "redis-"); err != nil {
		return err
	}
	if err := owner.Take(s.dir); err != nil {
		return err
	}
	for name, lines := range map[string][]string{"redis.conf": s.configuration(), "users.acl": s.opts.ACL} {
		text := strings.Join(lines, "\n") + "\n"
		if err := errors.Join(os.WriteFile(s.file(name), []byte(text), 0o600), owner.Take(s.file(name))); err != nil {
			return err
		}
	}
	s.watchdog, err = daemon.Watch(owner, removeServer, s.dir)
	return err
}

func (s *Server) configuration() (lines []string) {
	settings := map[string]string{
		"bind":                          daemon.Loopback,
		"port":                          strconv.Itoa(s.port),
		"dir":                           s.dir,
		"save":                          `""`,
		"appendonly":                    "no",
		"repl-diskless-sync-delay":      "0",
		"enable-debug-command":          "local",
		"stop-writes-on-bgsave-error":   "no",
		"oom-score-adj":                 "no",
		"disable-thp":                   "no",
		"cluster-require-full-coverage": "no",
	}
	if s.opts.ACL != nil {
		settings["aclfile"] = s.file("users.acl")
	}
	maps.Copy(settings, s.opts.Settings)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		lines = append(lines, name+" "+settings[name])
	}
	return lines
}

func (s *Server) file(name string) string { return filepath.Join(s.dir, name) }

// awaitReady retries until the server has loaded its data.
func (s *Server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		_, err := s.Do(ctx, "PING")
		if redisErr := (*rueidis.RedisError)(nil); err == nil || errors.As(err, &redisErr) && !redisErr.IsLoading() {
			return nil
		}
		select {
		case <-s.exited:
			s.process = nil
			return s.startError()
		case <-ctx.Done():
			return fmt.Errorf("wait until Redis is ready: %w", errors.Join(ctx.Err(), err))
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// startError returns an error with the log of a process that ended at once.
func (s *Server) startError() error {
	content, err := os.ReadFile(s.file("log"))
	if err != nil {
		return err
	}
	if bytes.Contains(content, []byte("Address already in use")) {
		return daemon.ErrPortTaken
	}
	return fmt.Errorf("redis-server ended at once: %s", bytes.TrimSpace(content))
}
