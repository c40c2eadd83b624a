//go:build unix

package pgserver_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/pgserver"
)

// dieIfAsked starts a server and ends without closing it if the environment of
// the test binary says so.
func dieIfAsked() {
	how := os.Getenv("PGSERVER_TEST_DEATH")
	if how == "" {
		return
	}
	opts := &pgserver.Options{}
	if how == "nothing" {
		opts.Version = "99"
	}
	server, err := pgserver.Private(context.Background(), opts)
	if err != nil {
		fmt.Println("error:", strings.ReplaceAll(err.Error(), "\n", " "))
		os.Exit(3)
	}
	fmt.Println(server.ConnString())
	switch how {
	case "exit":
		os.Exit(0)
	case "panic":
		panic("on purpose")
	case "paused":
		_ = server.Pause(context.Background())
		os.Exit(0)
	default:
		signal.Reset()
		select {} // until the signal
	}
}

// A server ends with its program, for each way to end without cleanup.
func TestServerEndsWithItsProgram(t *testing.T) {
	for _, source := range sourcesHere() {
		for _, how := range []string{"exit", "panic", "paused", "SIGINT", "SIGTERM", "SIGKILL"} {
			t.Run(source+"/"+how, func(t *testing.T) {
				t.Parallel()
				temp := tempDirForServers(t)
				connString := serveAndDie(t, source, how, temp)
				awaitGone(t, connString, temp)
			})
		}
	}
}

func serveAndDie(t *testing.T, source, how, temp string) (connString string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PGSERVER_TEST_DEATH="+how, "HEADRACE_SERVER="+source, "TMPDIR="+temp)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	connString, err = bufio.NewReader(stdout).ReadString('\n')
	must(t, err)
	connString = strings.TrimSpace(connString)
	if strings.HasPrefix(connString, "error: no PostgreSQL") {
		_ = cmd.Wait()
		t.Skip(connString)
	}
	signals := map[string]syscall.Signal{"SIGINT": syscall.SIGINT, "SIGTERM": syscall.SIGTERM, "SIGKILL": syscall.SIGKILL}
	if sig, ok := signals[how]; ok {
		must(t, cmd.Process.Signal(sig))
	}
	_ = cmd.Wait() // each of these deaths is an error
	return connString
}

// awaitGone waits until the port is closed and all files are removed.
func awaitGone(t *testing.T, connString, temp string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		conn, err := pgx.Connect(ctx, connString)
		cancel()
		if err == nil {
			_ = conn.Close(t.Context())
		}
		files, dirErr := os.ReadDir(temp)
		must(t, dirErr)
		if err != nil && len(files) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("connecting: %v, files: %v; want the server and its files gone", err, files)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
