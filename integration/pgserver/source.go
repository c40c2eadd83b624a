package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
)

// source is a source of servers.
type source struct {
	name string // in HEADRACE_SERVER

	// start returns errAbsent if the source is not available; then the next
	// source is tried.
	start func(ctx context.Context, opts *Options) (*Server, error)
}

// errAbsent is wrapped by the error of a source that is not available. Any
// other error ends the search: a failing source must not silently be replaced
// by another.
var errAbsent = errors.New("not available")

func absent(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errAbsent, fmt.Sprintf(format, args...))
}

// sources returns all sources in the order in which they are tried.
func sources() []source {
	return append([]source{{"url", startExisting}}, ownSources()...)
}

func ownSources() []source {
	return []source{{"docker", startContainer}, {"local", startLocal}, {"download", startDownloaded}}
}

func start(ctx context.Context, opts *Options, from []source) (*Server, error) {
	if opts == nil {
		opts = &Options{}
	}
	from, err := forced(os.Getenv("HEADRACE_SERVER"), from)
	if err != nil {
		return nil, err
	}
	reasons := make([]string, 0, len(from))
	for _, src := range from {
		server, err := src.start(ctx, opts)
		if errors.Is(err, errAbsent) {
			reasons = append(reasons, fmt.Sprintf("  %s: %v", src.name, err))
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("start PostgreSQL (%s): %w", src.name, err)
		}
		announce(opts, server)
		return server, nil
	}
	return nil, fmt.Errorf("start PostgreSQL: no source is available:\n%s\n%s", strings.Join(reasons, "\n"), advice())
}

// forced returns the source with the given name. Private, which does not use
// DATABASE_URL, ignores "url".
func forced(name string, from []source) ([]source, error) {
	if name == "" {
		return from, nil
	}
	for _, src := range from {
		if src.name == name {
			return []source{src}, nil
		}
	}
	for _, src := range sources() {
		if src.name == name {
			return from, nil
		}
	}
	return nil, fmt.Errorf("start PostgreSQL: HEADRACE_SERVER=%q: want url, docker, local or download", name)
}

// printed holds the printed lines, so that equal lines are printed once.
var printed sync.Map

func announce(opts *Options, server *Server) {
	printLine(opts, fmt.Sprintf("pgserver: PostgreSQL %s, %s\n", server.version, server.origin))
}

func printLine(opts *Options, line string) {
	if opts.Log != nil {
		_, _ = fmt.Fprint(opts.Log, line)
		return
	}
	if _, again := printed.LoadOrStore(line, true); !again {
		_, _ = fmt.Fprint(os.Stderr, line)
	}
}

// advice describes how to get a server on this system.
func advice() string {
	lines := []string{"install or set one of these:"}
	switch runtime.GOOS {
	case "linux":
		lines = append(lines,
			"  Debian, Ubuntu: apt-get install postgresql",
			"  Fedora, RHEL:   dnf install postgresql-server",
			"  Alpine:         apk add postgresql",
			"  Arch:           pacman -S postgresql")
	case "darwin":
		lines = append(lines, "  macOS:          brew install postgresql@17")
	case "windows":
		lines = append(lines, "  Windows:        Docker Desktop, or another server in DATABASE_URL")
	case "freebsd":
		lines = append(lines, "  FreeBSD:        pkg install postgresql17-server")
	}
	return strings.Join(append(lines,
		"  any system:     a running Docker or Podman engine",
		"  any server:     DATABASE_URL=postgres://user:password@host:5432/postgres",
		"  own binaries:   HEADRACE_POSTGRES_DIR=/folder/with/bin/initdb"), "\n")
}
