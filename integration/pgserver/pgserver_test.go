//go:build unix

package pgserver_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/goleak"

	"github.com/headrace/headrace/integration/pgserver"
)

func TestMain(m *testing.M) {
	dieIfAsked()
	goleak.VerifyTestMain(m)
}

// sourcesHere are the tested sources: all of them, or the one in
// HEADRACE_SERVER.
func sourcesHere() []string {
	all := []string{"docker", "local"}
	if forced := os.Getenv("HEADRACE_SERVER"); slices.Contains(all, forced) {
		return []string{forced}
	}
	return all
}

// onEach runs a test with a server from each source.
func onEach(t *testing.T, test func(t *testing.T)) {
	for _, source := range sourcesHere() {
		t.Run(source, func(t *testing.T) {
			t.Setenv("HEADRACE_SERVER", source)
			test(t)
		})
	}
}

// skipWithout skips the test if this machine does not have the source.
func skipWithout(t *testing.T, err error) {
	t.Helper()
	if err != nil && strings.HasPrefix(err.Error(), "no PostgreSQL to start") {
		t.Skip(err)
	}
}

func private(t *testing.T, opts *pgserver.Options) *pgserver.Server {
	t.Helper()
	server, err := pgserver.Private(t.Context(), opts)
	skipWithout(t, err)
	must(t, err)
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func connect(t *testing.T, connString string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), connString)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func value(t *testing.T, connString, query string) string {
	t.Helper()
	conn := connect(t, connString)
	defer func() { _ = conn.Close(t.Context()) }()
	var v string
	if err := conn.QueryRow(t.Context(), query).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

func execute(t *testing.T, connString, sql string) {
	t.Helper()
	conn := connect(t, connString)
	defer func() { _ = conn.Close(t.Context()) }()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// TestServer runs all steps on one server, because a start takes seconds. Each
// step must leave a working server.
func TestServer(t *testing.T) {
	temp := tempDirForServers(t)
	t.Setenv("TMPDIR", temp)
	onEach(t, func(t *testing.T) {
		server := private(t, nil)
		for _, step := range []struct {
			name string
			run  func(t *testing.T, server *pgserver.Server)
		}{
			{"set up for tests", setUpForTests},
			{"stop and restart on the same address", stopAndRestart},
			{"kill loses nothing confirmed", killAndRestart},
			{"pause is silence", pauseAndContinue},
			{"paused can be stopped", pauseAndStop},
			{"paused can be killed", pauseAndKill},
		} {
			t.Run(step.name, func(t *testing.T) { step.run(t, server) })
		}
		must(t, server.Pause(t.Context()))
		must(t, server.Close())
		must(t, server.Close()) // again: nothing to do
		if err := server.Restart(t.Context()); err == nil {
			t.Error("a closed server was restarted")
		}
		if left, _ := filepath.Glob(filepath.Join(temp, "*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

func setUpForTests(t *testing.T, server *pgserver.Server) {
	for setting, want := range map[string]string{
		"fsync":                      "off",
		"synchronous_commit":         "on",
		"server_encoding":            "UTF8",
		"timezone":                   "UTC",
		"default_text_search_config": "pg_catalog.english",
		"server_version":             server.Version(),
	} {
		if got := value(t, server.ConnString(), "SHOW "+setting); got != want {
			t.Errorf("%s = %s, want %s", setting, got, want)
		}
	}
	const collation = "SELECT datcollate FROM pg_database WHERE datname = 'postgres'"
	if got := value(t, server.ConnString(), collation); got != "C.UTF-8" {
		t.Errorf("collation %s, want C.UTF-8", got)
	}
}

func stopAndRestart(t *testing.T, server *pgserver.Server) {
	before := server.ConnString()
	execute(t, before, "CREATE TABLE kept (n int)")
	execute(t, before, "ALTER SYSTEM SET work_mem = '7MB'")
	must(t, server.Stop(t.Context()))
	if conn, err := pgx.Connect(t.Context(), before); err == nil {
		_ = conn.Close(t.Context())
		t.Fatal("a stopped server takes connections")
	}
	must(t, server.Restart(t.Context()))
	must(t, server.Restart(t.Context())) // also while it runs
	if got := server.ConnString(); got != before {
		t.Errorf("address %s after the restart, %s before", got, before)
	}
	if got := value(t, before, "SHOW work_mem"); got != "7MB" {
		t.Errorf("ALTER SYSTEM was overruled: work_mem = %s", got)
	}
	execute(t, before, "INSERT INTO kept VALUES (1)")
}

func killAndRestart(t *testing.T, server *pgserver.Server) {
	conn := connect(t, server.ConnString())
	execute(t, server.ConnString(), "CREATE TABLE confirmed (n int)")
	must(t, server.Kill(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := conn.Exec(ctx, "SELECT 1"); err == nil || ctx.Err() != nil {
		t.Errorf("a killed server's connection: %v; want it cut", err)
	}
	must(t, server.Kill(t.Context())) // again: nothing to do
	must(t, server.Restart(t.Context()))
	execute(t, server.ConnString(), "INSERT INTO confirmed VALUES (1)")
}

func pauseAndContinue(t *testing.T, server *pgserver.Server) {
	conn := connect(t, server.ConnString())
	must(t, server.Pause(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := conn.Exec(ctx, "SELECT 1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a paused server's connection: %v; want silence until the deadline", err)
	}
	must(t, server.Continue(t.Context()))
	if got := value(t, server.ConnString(), "SELECT 'back'"); got != "back" {
		t.Error(got)
	}
}

func pauseAndStop(t *testing.T, server *pgserver.Server) {
	must(t, server.Pause(t.Context()))
	must(t, server.Stop(t.Context()))
	must(t, server.Restart(t.Context()))
}

func pauseAndKill(t *testing.T, server *pgserver.Server) {
	must(t, server.Pause(t.Context()))
	must(t, server.Kill(t.Context()))
	must(t, server.Restart(t.Context()))
}

func TestOptions(t *testing.T) {
	onEach(t, func(t *testing.T) {
		found := private(t, nil)
		must(t, found.Close())
		major, _, _ := strings.Cut(found.Version(), ".")
		server := private(t, &pgserver.Options{
			Version:  major,
			Durable:  true,
			Password: "p@ss/word",
			Settings: map[string]string{"wal_level": "logical", "work_mem": "3MB", "cluster_name": `it's a \ test`},
		})
		if server.Version() != found.Version() {
			t.Errorf("version %s, want %s", server.Version(), found.Version())
		}
		for setting, want := range map[string]string{
			"wal_level":        "logical",
			"work_mem":         "3MB",
			"cluster_name":     `it's a \ test`,
			"fsync":            "on",
			"full_page_writes": "on",
		} {
			if got := value(t, server.ConnString(), "SHOW "+setting); got != want {
				t.Errorf("%s = %s, want %s", setting, got, want)
			}
		}
		cfg, err := pgx.ParseConfig(server.ConnString())
		must(t, err)
		cfg.Password = "wrong"
		_, err = pgx.ConnectConfig(t.Context(), cfg)
		if pgErr := (*pgconn.PgError)(nil); !errors.As(err, &pgErr) || pgErr.Code != "28P01" {
			t.Errorf("wrong password: %v, want 28P01", err)
		}
	})
}

func TestUnknownSettingIsAnError(t *testing.T) {
	onEach(t, func(t *testing.T) {
		opts := &pgserver.Options{Settings: map[string]string{"no_such_setting": "1"}}
		server, err := pgserver.Private(t.Context(), opts)
		skipWithout(t, err)
		if err == nil {
			_ = server.Close()
		}
		if err == nil || !strings.Contains(err.Error(), `"no_such_setting"`) {
			t.Errorf("error %v, want one that names the setting", err)
		}
	})
}

// tempDirForServers returns a temporary folder that is accessible to the user
// of the server, unlike t.TempDir below a private TMPDIR.
func tempDirForServers(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "servers-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o777))
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
