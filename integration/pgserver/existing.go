package pgserver

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// startExisting uses the server in DATABASE_URL if it matches the options.
func startExisting(ctx context.Context, opts *Options) (*Server, error) {
	connString := os.Getenv("DATABASE_URL")
	if connString == "" {
		return nil, absent("DATABASE_URL is not set")
	}
	addr, err := parseAddress(connString)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	version, err := addr.show(ctx, "server_version")
	if err != nil { // the error of pgx has one line per attempt
		return nil, fmt.Errorf("DATABASE_URL: %s", strings.Join(strings.Fields(err.Error()), " "))
	}
	if opts.Version != "" && !isVersion(version, opts.Version) {
		return nil, absent("DATABASE_URL is PostgreSQL %s, want %s", version, opts.Version)
	}
	for name, want := range opts.Settings {
		got, err := addr.show(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("DATABASE_URL: setting %s: %w", name, err)
		}
		if got != want {
			return nil, absent("DATABASE_URL has %s = %s, want %s", name, got, want)
		}
	}
	return &Server{address: addr, version: version, origin: "the server in DATABASE_URL at " + addr.hostPort}, nil
}

// isVersion reports whether a full version, such as "15.18 (Debian)" or
// "18beta1", has the given major version.
func isVersion(full, major string) bool {
	rest, ok := strings.CutPrefix(full, major)
	return ok && (rest == "" || rest[0] < '0' || rest[0] > '9')
}
