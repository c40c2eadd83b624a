package pgtest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/pgtest"
)

// recorder is a test that ends when end is called, and that records its errors.
type recorder struct {
	testing.TB
	cleanups []func()
	errors   []string
}

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func (r *recorder) end() {
	for _, f := range r.cleanups {
		f()
	}
}

func TestOpenConnectionFailsTheTest(t *testing.T) {
	t.Parallel()
	rec := &recorder{TB: t}
	conn, err := pgx.Connect(t.Context(), pgtest.New(rec))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), "SELECT 'left open'"); err != nil {
		t.Fatal(err)
	}
	rec.end()
	if got := strings.Join(rec.errors, "\n"); !strings.Contains(got, "left 1 connections open: idle, last statement: SELECT 'left open'") {
		t.Errorf("errors %q, want one that names the connection", got)
	}
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("the database is still there")
	}
}
