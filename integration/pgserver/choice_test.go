//go:build unix

package pgserver_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/headrace/headrace/integration/pgserver"
)

// The server in DATABASE_URL is used if it matches, and never stopped.
func TestDatabaseURL(t *testing.T) {
	t.Setenv("HEADRACE_SERVER", "local")
	theirs := private(t, nil)
	t.Setenv("HEADRACE_SERVER", "")
	t.Setenv("DATABASE_URL", theirs.ConnString()+"&application_name=choice")

	t.Run("is taken and left alone", func(t *testing.T) {
		var log strings.Builder
		server, err := pgserver.Start(t.Context(), &pgserver.Options{Log: &log, Settings: map[string]string{"fsync": "off"}})
		must(t, err)
		if server.Addr() != theirs.Addr() || !strings.Contains(log.String(), "DATABASE_URL") {
			t.Errorf("server at %s, want %s; log: %s", server.Addr(), theirs.Addr(), log.String())
		}
		if err := server.Stop(t.Context()); err == nil {
			t.Error("the user's server was stopped")
		}
		must(t, server.Close())
		execute(t, theirs.ConnString(), "CREATE DATABASE other")
		if got := value(t, server.ConnStringFor("other"), "SELECT current_database() || current_setting('application_name')"); got != "otherchoice" {
			t.Errorf("connected to %s, want otherchoice", got)
		}
	})
	t.Run("must have the version and the settings", func(t *testing.T) {
		t.Setenv("HEADRACE_SERVER", "url")
		for _, opts := range []*pgserver.Options{{Version: "1"}, {Settings: map[string]string{"fsync": "on"}}} {
			if _, err := pgserver.Start(t.Context(), opts); err == nil || !strings.Contains(err.Error(), ", want ") {
				t.Errorf("%+v: error %v, want one with the wanted value", opts, err)
			}
		}
	})
	t.Run("is never private", func(t *testing.T) {
		t.Setenv("HEADRACE_SERVER", "local")
		if server := private(t, nil); server.Addr() == theirs.Addr() {
			t.Error("Private returned the server of DATABASE_URL")
		}
	})
	t.Run("that does not answer is an error", func(t *testing.T) {
		t.Setenv("DATABASE_URL", "postgres://127.0.0.1:1/none?connect_timeout=1")
		if _, err := pgserver.Start(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "DATABASE_URL") {
			t.Errorf("error %v, want one that names DATABASE_URL", err)
		}
	})
}

func TestUnknownSourceIsAnError(t *testing.T) {
	t.Setenv("HEADRACE_SERVER", "cloud")
	_, err := pgserver.Start(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), `HEADRACE_SERVER="cloud"`) {
		t.Errorf("error %v, want one that names the variable", err)
	}
}

// Without an engine, without binaries of the version and without a network, the
// error lists all sources. The test starts another process, because
// testcontainers looks for an engine once per process.
func TestNoSourceIsAvailable(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = []string{
		"PGSERVER_TEST_DEATH=nothing", "HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir(),
		"DOCKER_HOST=tcp://127.0.0.1:1", "HEADRACE_POSTGRES_REPOSITORY=http://127.0.0.1:1",
	}
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("a server was started: %s", out)
	}
	for _, want := range []string{"docker: ", "local: ", "download: ", "DATABASE_URL=", "PostgreSQL 99"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("error without %q:\n%s", want, out)
		}
	}
}
