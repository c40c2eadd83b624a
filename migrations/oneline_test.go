package migrations

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The error for an unreachable server with two addresses is one line.
func TestServerDownIsReportedInOneLine(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), "postgres://me:secret@"+closedAddress(t)+","+closedAddress(t)+"/d")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	files := fstest.MapFS{"00001_a.sql": {Data: []byte("-- +goose Up\nSELECT 1;\n")}}
	for name, call := range map[string]func(ctx context.Context) error{
		"Up":      func(ctx context.Context) error { _, err := Up(ctx, pool, files); return err },
		"Down":    func(ctx context.Context) error { _, err := Down(ctx, pool, files, 0); return err },
		"Status":  func(ctx context.Context) error { _, err := Status(ctx, pool, files); return err },
		"Install": func(ctx context.Context) error { return Install(ctx, pool) },
	} {
		err := call(t.Context())
		if err == nil || !strings.Contains(err.Error(), "connection refused") || strings.ContainsAny(err.Error(), "\n\t") {
			t.Errorf("%s: error %q, want one line", name, err)
		}
		if _, ok := errors.AsType[*pgconn.ConnectError](err); !ok {
			t.Errorf("%s: no ConnectError in %v", name, err)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %v shows the password", name, err)
		}
	}
}

func TestOtherErrorsKeepTheirLines(t *testing.T) {
	for _, err := range []error{nil, errors.New("a\nb")} {
		if got := oneLine(err); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}

// closedAddress returns an address that nothing listens on.
func closedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
