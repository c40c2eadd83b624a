//go:build unix

package pgbouncer

import (
	"errors"
	"os"
	"testing"
)

// New is [Start] for a test, and closes the PgBouncer when the test ends. Where PgBouncer is not installed it skips the
// test; where the environment variable CI is set as well it fails it, since nobody would look at the skip.
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
