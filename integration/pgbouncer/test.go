//go:build unix

package pgbouncer

import (
	"errors"
	"os"
	"testing"
)

// New is [Start] for a test. The PgBouncer is closed when the test ends. If
// PgBouncer is not installed, New skips the test, or fails it if the
// environment variable CI is set.
func New(tb testing.TB, server string, opts *Options) *Bouncer {
	tb.Helper()
	b, err := Start(tb.Context(), server, opts)
	if errors.Is(err, ErrNotInstalled) && os.Getenv("CI") == "" {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := b.Close(); err != nil {
			tb.Error(err)
		}
	})
	return b
}
