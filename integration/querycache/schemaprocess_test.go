//go:build unix

package querycache_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/redisserver"
	"github.com/headrace/headrace/querycache"
	"github.com/headrace/headrace/querycache/rediscache"
)

// redisOptions are options with a tier in Redis.
func redisOptions(t *testing.T, address string) *querycache.Options {
	t.Helper()
	tier, err := rediscache.New(t.Context(), rediscache.Options{Client: rueidis.ClientOption{InitAddress: []string{address}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tier.Close)
	return tierOptions(tier)
}

var waters = db.MustCompile[string]("SELECT name FROM waters WHERE id = 1")

const readerEnv = "HEADRACE_TEST_READER" // address of Redis and URL of the database

// TestReaderProcess is the other process of TestSchemaChangesReachOthers. It
// prints the value of a cached read for each line of its input.
func TestReaderProcess(t *testing.T) {
	address, url, ok := strings.Cut(os.Getenv(readerEnv), " ")
	if !ok {
		return // an ordinary run of the tests
	}
	b := &bench{T: t}
	p := b.through(url, redisOptions(t, address), minute)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		name, err := waters.One(t.Context(), p.reads)
		fmt.Printf("read %q %v\n", name, err)
	}
}

// A change of the schema by one process reaches the statements of another that
// were examined before.
func TestSchemaChangesReachOthers(t *testing.T) {
	t.Parallel()
	address := redisserver.New(t, nil).Addr()
	b := newBench(t, redisOptions(t, address), minute)
	b.follow(b.pg)
	b.exec(b.pg, "CREATE TABLE lakes (id int, name text)")
	b.exec(b.pg, "INSERT INTO lakes VALUES (1, 'lake')")
	b.exec(b.pg, "CREATE VIEW waters AS SELECT id, name FROM rivers")

	other := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestReaderProcess$")
	other.Env = append(os.Environ(), readerEnv+"="+address+" "+b.pg.Pool().Config().ConnString())
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close(); _ = other.Wait() }()
	out := bufio.NewScanner(pipe)
	read := func() string {
		fmt.Fprintln(in)
		for out.Scan() {
			if line, ok := strings.CutPrefix(out.Text(), "read "); ok {
				return line
			}
		}
		t.Fatal("the other process has ended")
		return ""
	}
	eventually := func(want string) {
		t.Helper()
		until := time.Now().Add(20 * time.Second) // far less than the TTL
		for read() != want {
			if time.Now().After(until) {
				t.Fatalf("read %s, want %s", read(), want)
			}
			time.Sleep(time.Millisecond)
		}
	}
	for range 3 {
		eventually(`"river 1" <nil>`)
	}
	b.exec(b.pg, "CREATE OR REPLACE VIEW waters AS SELECT id, name FROM lakes")
	eventually(`"lake" <nil>`)
	read()
	b.exec(b.pg, "UPDATE lakes SET name = 'new'")
	eventually(`"new" <nil>`)
}
