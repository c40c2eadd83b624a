//go:build server

package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// cutCommit returns a connection string to the same database, of which the n-th
// COMMIT from now on reaches the server, and its answer does not come back.
func cutCommit(t *testing.T, direct string, n int32) string {
	t.Helper()
	cfg, err := pgx.ParseConfig(direct)
	if err != nil {
		t.Fatal(err)
	}
	server := net.JoinHostPort(cfg.Host, fmt.Sprint(cfg.Port))
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var left atomic.Int32
	left.Store(n)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { pass(client, server, &left) })
		}
	})
	t.Cleanup(func() { listener.Close(); running.Wait() })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return fmt.Sprintf("host=127.0.0.1 port=%s user='%s' password='%s' dbname='%s' sslmode=disable", port, cfg.User, cfg.Password, cfg.Database)
}

// pass passes a connection's bytes to the server and back.
func pass(client net.Conn, server string, left *atomic.Int32) {
	defer client.Close()
	to, err := new(net.Dialer).Dial("tcp", server)
	if err != nil {
		return
	}
	defer to.Close()
	var lost atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer client.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := to.Read(buf)
			if err != nil || lost.Load() {
				return
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	kind := 0 // bytes before the length of a message: none in the first one
	for {
		head := make([]byte, kind+4)
		if _, err := io.ReadFull(client, head); err != nil {
			break
		}
		body := make([]byte, binary.BigEndian.Uint32(head[kind:])-4)
		if _, err := io.ReadFull(client, body); err != nil {
			break
		}
		if strings.EqualFold(string(body), "commit\x00") && left.Add(-1) == 0 {
			lost.Store(true)
		}
		if _, err := to.Write(slices.Concat(head, body)); err != nil {
			break
		}
		kind = 1
		if lost.Load() {
			<-done // the answer has come
			return
		}
	}
	to.Close()
	<-done
}

// The last lines say what is in the table, whichever COMMIT's answer is lost.
func TestLostCommitIsReported(t *testing.T) {
	t.Parallel()
	direct, ask := database(t)
	new(call).run(t, exitDone, "-d", direct, "-install")
	execute(t, direct, "CREATE TABLE n (id int, name text)")
	one, two, bad := write(t, "one.csv", numbers(10, nil)), write(t, "two.csv", numbers(20, nil)), write(t, "bad.csv", numbers(30, map[int]string{7: "x,bad"}))
	for name, args := range map[string][]string{
		"one": {one}, "two": {one, two}, "jobs": {"-jobs", "2", one}, "two with jobs": {"-jobs", "2", one, two},
		"quarantine": {"-quarantine", bad}, "resume": {"-resume", "x", one}, "resume two": {"-resume", "x", one, two},
		"dry run": {"-dry-run", one, two}, "truncate": {"-truncate", one}, "resume with quarantine": {"-resume", "x", "-quarantine", bad},
	} {
		for commit := int32(1); ; commit++ {
			execute(t, direct, "TRUNCATE n, headrace.loads CASCADE")
			var stderr output
			p := &program{stdout: io.Discard, stderr: &stderr}
			status := p.run(t.Context(), append([]string{"-d", cutCommit(t, direct, commit), "-table", "n"}, args...))
			rows, said := ask("SELECT count(*)::text FROM n"), stderr.String()
			if status == exitDone || status == exitBadRows {
				break
			}
			nothing := strings.Contains(said, "othing was written") || strings.Contains(said, "nothing of it is in the table")
			unknown, some := strings.Contains(said, "unknown"), strings.Contains(said, "in the table, and stay")
			if status != exitFailed || !nothing && !unknown && !some {
				t.Errorf("%s, commit %d: exit status %d\n%s", name, commit, status, said)
			}
			if nothing && !some && rows != "0" || unknown && name == "dry run" || !unknown && some && rows == "0" {
				t.Errorf("%s, commit %d: %s rows are in the table\n%s", name, commit, rows, said)
			}
			if strings.Contains(said, "nothing was written") && strings.Contains(said, " rows into ") {
				t.Errorf("%s, commit %d: %s", name, commit, said)
			}
			if commit > 20 {
				t.Fatalf("%s: it always fails\n%s", name, said)
			}
		}
	}
}

// A result is not printed before the transaction of all files is committed.
func TestUndoneFilesAreNotReported(t *testing.T) {
	t.Parallel()
	url, _ := database(t)
	execute(t, url, "CREATE TABLE n (id int, name text)")
	good, bad := write(t, "good.csv", numbers(10, nil)), write(t, "bad.csv", numbers(10, map[int]string{5: "x,y"}))
	c := new(call).run(t, exitFailed, "-d", url, "-table", "n", good, bad)
	c.says(t, "The table is as it was: nothing was written.")
	if strings.Contains(c.stderr, "rows into") {
		t.Error(c.stderr)
	}
	new(call).run(t, exitDone, "-d", url, "-table", "n", good, good).says(t, "good.csv: 10 rows into n")
}
