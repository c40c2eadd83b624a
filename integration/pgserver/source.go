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

// source is one way to get a server.
type source struct {
	name string // as HEADRACE_SERVER has it
	// start returns an error that is errAbsent when this machine does not offer the source, so that the next is tried.
	start func(ctx context.Context, opts *Options) (*Server, error)
}

// errAbsent is wrapped by a source that has nothing to start. Any other error ends the search: a server that is there
// and fails is to be repaired, not to be replaced by another one in silence.
var errAbsent = errors.New("not available")

func absent(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errAbsent, fmt.Sprintf(format, args...))
}

// sources lists the ways in the order in which they are tried.
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
		tell(opts, server)
		return server, nil
	}
	return nil, fmt.Errorf("no PostgreSQL to start:\n%s\n%s", strings.Join(reasons, "\n"), advice())
}

// forced narrows the sources down to the one named. A program that may not touch DATABASE_URL ignores "url".
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

// told keeps the lines that were printed, so that hundred private servers don't make hundred equal lines.
var told sync.Map

func tell(opts *Options, server *Server) {
	say(opts, fmt.Sprintf("pgserver: PostgreSQL %s, %s\n", server.version, server.origin))
}

func say(opts *Options, line string) {
	if opts.Log != nil {
		_, _ = fmt.Fprint(opts.Log, line)
		return
	}
	if _, again := told.LoadOrStore(line, true); !again {
		_, _ = fmt.Fprint(os.Stderr, line)
	}
}

// advice says how to get a server on this kind of system, one line each.
func advice() string {
	lines := []string{"any one of these helps:"}
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
		lines = append(lines, "  Windows:        Docker Desktop, or a server of your own in DATABASE_URL")
	case "freebsd":
		lines = append(lines, "  FreeBSD:        pkg install postgresql17-server")
	}
	return strings.Join(append(lines,
		"  any system:     a running Docker or Podman engine",
		"  any server:     DATABASE_URL=postgres://user:password@host:5432/postgres",
		"  own binaries:   HEADRACE_POSTGRES_DIR=/folder/with/bin/initdb"), "\n")
}
