//go:build unix

package redisserver_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headrace/headrace/integration/redisserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func do(t *testing.T, s *redisserver.Server, command ...string) string {
	t.Helper()
	reply, err := s.Do(t.Context(), command...)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func TestServer(t *testing.T) {
	t.Parallel()
	s := redisserver.New(t, &redisserver.Options{Settings: map[string]string{"maxmemory": "5mb", "requirepass": "secret"}})
	address := s.Addr()
	if got := do(t, s, "CONFIG", "GET", "maxmemory"); got != "maxmemory\n5242880" {
		t.Errorf("got %q, want the setting", got)
	}
	do(t, s, "SET", "a", "1")
	do(t, s, "SAVE")
	do(t, s, "SET", "a", "2")
	s.Kill()
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := do(t, s, "GET", "a"); got != "1" || s.Addr() != address {
		t.Errorf("got %q at %s after a restart, want the saved value at %s", got, s.Addr(), address)
	}

	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if reply, err := s.Do(ctx, "PING"); err == nil {
		t.Errorf("a paused server replied %q", reply)
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	do(t, s, "PING")

	dir := strings.TrimPrefix(do(t, s, "CONFIG", "GET", "dir"), "dir\n")
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left (%v)", dir, err)
	}
}

func TestInvalidSetting(t *testing.T) {
	t.Parallel()
	redisserver.New(t, nil) // skips without Redis
	_, err := redisserver.Start(t.Context(), &redisserver.Options{Settings: map[string]string{"no-such-setting": "1"}})
	if err == nil || !strings.Contains(err.Error(), "no-such-setting") {
		t.Errorf("error %v, want the message of the server", err)
	}
}

func TestNotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := redisserver.Start(t.Context(), nil); !errors.Is(err, redisserver.ErrNotInstalled) {
		t.Errorf("error %v, want ErrNotInstalled", err)
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	c := redisserver.NewCluster(t, &redisserver.ClusterOptions{Replicas: true})
	if len(c.Primaries) != 3 || len(c.Replicas) != 3 || len(c.Addrs()) != 6 {
		t.Fatalf("%d primaries, %d replicas", len(c.Primaries), len(c.Replicas))
	}
	for i, s := range c.Replicas {
		if role := do(t, s, "ROLE"); !strings.HasPrefix(role, "slave\n") {
			t.Errorf("role of replica %d: %q", i, role)
		}
	}
}
