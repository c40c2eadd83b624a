//go:build unix

package redisserver

import (
	"errors"
	"os"
	"testing"
)

// New is [Start] for a test. The server is closed when the test ends. If Redis
// is not installed, New skips the test, or fails it if the environment variable
// CI is set.
func New(tb testing.TB, opts *Options) *Server {
	tb.Helper()
	s, err := Start(tb.Context(), opts)
	started(tb, err)
	closeAfter(tb, s)
	return s
}

// NewCluster is [StartCluster] for a test, as New is Start.
func NewCluster(tb testing.TB, opts *ClusterOptions) *Cluster {
	tb.Helper()
	c, err := StartCluster(tb.Context(), opts)
	started(tb, err)
	closeAfter(tb, c)
	return c
}

func started(tb testing.TB, err error) {
	tb.Helper()
	if errors.Is(err, ErrNotInstalled) && os.Getenv("CI") == "" {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

func closeAfter(tb testing.TB, server interface{ Close() error }) {
	tb.Cleanup(func() {
		if err := server.Close(); err != nil {
			tb.Error(err)
		}
	})
}
