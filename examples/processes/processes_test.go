//go:build unix

package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headrace/headrace/examples/shared/program"
	"github.com/headrace/headrace/examples/shared/programtest"
	"github.com/headrace/headrace/examples/shared/redisbox"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/integration/redisserver"
)

// envMain is the environment variable that makes this binary the example, in a
// new database, or in that of DATABASE_URL.
const (
	envMain = "HEADRACE_TEST_PROCESSES"
	inNew   = "new"
	inGiven = "given"
)

func TestMain(m *testing.M) {
	serveIfAsked()
	switch os.Getenv(envMain) {
	case inNew:
		os.Args = os.Args[:1]
		main()
	case inGiven:
		_ = program.On(context.Background(), os.Getenv("DATABASE_URL"), os.Stdout, show(redisbox.Local))
	default:
		pgtest.Main(m)
	}
}

func TestProcesses(t *testing.T) {
	t.Parallel()
	redisserver.New(t, nil) // skips without Redis
	programtest.Says(t, show(redisbox.Local),
		"[holds] process 1 loads each country", "[holds] the others load few", "[holds] from then on the memory",
		"[holds] the writer sees", "[holds] the others see it long before the TTL of 10m0s: 60 of 60", "median",
		"killed", "[holds] no read fails", "[holds] the writer sees",
		"[holds] the others see the write made meanwhile: 2 of 2", "[holds] Redis, which was empty, serves",
		"process 3: ")
}

// A Redis that someone else has started is not killed, and no keys are left in
// it.
func TestGivenRedis(t *testing.T) {
	t.Parallel()
	server := redisserver.New(t, nil)
	ctx := context.WithoutCancel(t.Context())
	started, err := server.Do(ctx, "INFO", "server")
	if err != nil {
		t.Fatal(err)
	}
	programtest.Says(t, show(server.Addr()), "60 of 60", "What the processes counted")
	now, err := server.Do(ctx, "INFO", "server")
	if err != nil || runID(now) != runID(started) || runID(now) == "" {
		t.Errorf("%v, the run %s of Redis became %s", err, runID(started), runID(now))
	}
	if keys, err := server.Do(ctx, "DBSIZE"); err != nil || keys != "0" {
		t.Errorf("%v, %s keys are left", err, keys)
	}
}

func runID(info string) string { return regexp.MustCompile(`run_id:\w+`).FindString(info) }

func TestUnreachableRedis(t *testing.T) {
	t.Parallel()
	err := show("127.0.0.1:1")(t.Context(), "", nil)
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("got %v, want an error with the address", err)
	}
}

// After Ctrl-C, and even after a crash, no process and no Redis is left.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	redisserver.New(t, nil)
	for name, signal := range map[string]syscall.Signal{"Ctrl-C": syscall.SIGINT, "SIGTERM": syscall.SIGTERM, "crash": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pids, redis := interrupted(t, signal)
			for _, pid := range pids {
				eventually(t, "process "+strconv.Itoa(pid)+" ends", func() bool { return syscall.Kill(pid, 0) != nil })
			}
			eventually(t, "Redis ends", func() bool {
				conn, err := net.Dial("tcp", redis)
				if err == nil {
					_ = conn.Close()
				}
				return err != nil
			})
		})
	}
}

var (
	addressIn = regexp.MustCompile(`Redis at (\S+);`)
	pidIn     = regexp.MustCompile(`\(pid (\d+)\)`)
)

// interrupted runs the example, sends it a signal while the processes write,
// and waits for its end. It returns the processes and the address of Redis.
func interrupted(t *testing.T, signal syscall.Signal) (pids []int, redis string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	database := inNew
	if signal == syscall.SIGKILL { // which leaves a new one behind
		database = inGiven
	}
	cmd.Env = append(os.Environ(), envMain+"="+database, "DATABASE_URL="+pgtest.New(t), "HEADRACE_SERVER=url")
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	text := readUntil(out, "Writes are seen")
	if err := cmd.Process.Signal(signal); err != nil {
		t.Error(err)
	}
	_, _ = io.Copy(io.Discard, out)
	if err := cmd.Wait(); err == nil {
		t.Errorf("status 0 after %v", signal)
	}
	for _, found := range pidIn.FindAllStringSubmatch(text, -1) {
		pid, _ := strconv.Atoi(found[1])
		pids = append(pids, pid)
	}
	address := addressIn.FindStringSubmatch(text)
	if len(pids) != processes || address == nil {
		t.Fatalf("no processes or no Redis in:\n%s", text)
	}
	return pids, address[1]
}

// readUntil returns lines up to one with the text.
func readUntil(r io.Reader, text string) string {
	var seen strings.Builder
	for lines := bufio.NewScanner(r); lines.Scan(); {
		seen.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), text) {
			break
		}
	}
	return seen.String()
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("not within 30 seconds: ", what)
			return
		}
	}
}

func TestRounded(t *testing.T) {
	for d, want := range map[time.Duration]time.Duration{
		0: 0, 99: 99, 1234: 1200, 12345 * time.Microsecond: 12 * time.Millisecond, 4449 * time.Microsecond: 4400 * time.Microsecond,
	} {
		if got := rounded(d); got != want {
			t.Errorf("rounded(%v) is %v, want %v", d, got, want)
		}
	}
}
