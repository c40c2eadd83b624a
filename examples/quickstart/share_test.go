//go:build unix

package main

import (
	"context"
	"strings"
	"testing"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/examples/shared/redisbox"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/integration/redisserver"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// Two caches share their reads, see each other's changes, and leave no keys.
func TestShare(t *testing.T) {
	t.Parallel()
	server := redisserver.New(t, nil)
	var out strings.Builder
	d := &demo{connString: pgtest.New(t), out: &out}
	var err error
	if d.redis, err = redisbox.Open(t.Context(), "quickstart", server.Addr()); err != nil {
		t.Fatal(err)
	}
	if d.pg, err = db.Open(t.Context(), d.connString, nil); err != nil {
		t.Fatal(err)
	}
	defer d.pg.Close()
	for _, do := range []func(context.Context) error{d.migrate, d.load, d.share} {
		if err := do(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if r := d.facts.Redis; r.Served != r.Reads || r.ChangesSeen != r.Changes || r.Reads == 0 || r.Changes == 0 {
		t.Errorf("got %+v, want all reads served by Redis and all changes seen:\n%s", *r, out.String())
	}
	size := func() string {
		n, err := server.Do(context.WithoutCancel(t.Context()), "DBSIZE")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if size() == "0" {
		t.Error("nothing is in the Redis")
	}
	if err := d.redis.Close(t.Context()); err != nil || size() != "0" {
		t.Errorf("%v, %s keys are left", err, size())
	}
}

// Without its Redis the program does not begin.
func TestRunNeedsTheRedis(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1:1":  "connection refused",
		"localhost":    `is "localhost", want host:port`,
		"http://redis": "redis: invalid URL scheme: http",
	} {
		if _, err := run(t.Context(), new(strings.Builder), address); err == nil || !strings.HasPrefix(err.Error(), "-redis: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("with the address %s: %v, want %q", address, err, want)
		}
	}
}
