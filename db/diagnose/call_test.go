package diagnose

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c call
		fails := errors.New("fails")
		if err := c.do(t.Context(), func(context.Context) error { return fails }); !errors.Is(err, fails) {
			t.Errorf("returned %v", err)
		}
		if err := c.do(t.Context(), func(context.Context) error { panic("canary") }); err == nil || err.Error() != "it panicked with a string" {
			t.Errorf("a panic returned %v", err)
		}
		release := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := c.do(ctx, func(context.Context) error { <-release; return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("a function that ignores its context returned %v", err)
		}
		if err := c.do(t.Context(), func(context.Context) error { return nil }); !errors.Is(err, errRunning) {
			t.Errorf("a second call returned %v", err)
		}
		close(release)
		synctest.Wait()
		if err := c.do(t.Context(), func(context.Context) error { return nil }); err != nil {
			t.Errorf("a call afterwards returned %v", err)
		}
	})
}

// An error's text has nothing of what the server put into it.
func TestDescribe(t *testing.T) {
	pgErr := &pgconn.PgError{Code: "23505", Message: "canary", Detail: "Key (a)=(canary) already exists."}
	for _, c := range []struct {
		err  error
		want string
	}{
		{pgErr, "the server reports SQLSTATE 23505"},
		{fmt.Errorf("canary: %w", pgErr), "the server reports SQLSTATE 23505"},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), "timed out"},
		{context.Canceled, "canceled"},
		{errors.New("version 7, want 8"), "version 7, want 8"},
	} {
		if got := describe(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}

func TestParseActivity(t *testing.T) {
	row := func(fields ...string) (out [][]byte) {
		for _, f := range fields {
			out = append(out, []byte(f))
		}
		return out
	}
	var a activity
	if err := a.parse(row("1", "2", "3", "4.5", "a, b", "6", "7", "8", "9.5", "10", "11.5", "12")); err != nil {
		t.Fatal(err)
	}
	if a.active != 1 || a.hidden != 2 || a.waiting != 3 || a.longest != 4500e6 || a.tables != "a, b" || a.blockers != 6 || a.sleeping != 7 || a.idleInTx != 8 || a.longestIdle != 9500e6 || a.longTx != 10 || a.longestTx != 11500e6 || a.preparedXact != 12 {
		t.Errorf("parsed %+v", a)
	}
	if err := a.parse(row("x", "2", "3", "4.5", "a, b", "6", "7", "8", "9.5", "10", "11.5", "")); err == nil {
		t.Error("no error")
	}
	if err := a.parse(row("1")); err == nil {
		t.Error("a short row is no error")
	}
}
