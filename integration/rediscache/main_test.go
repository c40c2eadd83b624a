//go:build unix

// Package rediscache_test holds the tests of package rediscache that need a
// server.
package rediscache_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"go.uber.org/goleak"

	"github.com/headrace/headrace/integration/redisserver"
	"github.com/headrace/headrace/querycache"
	"github.com/headrace/headrace/querycache/rediscache"
)

// Clients of a cluster sleep in the background, also for some time after Close.
var rueidisSleeps = []goleak.Option{
	goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*call).DelayDo.func1"),
	goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*clusterClient)._refresh.func2"),
	goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*clusterClient).redirectOrNew.func1"),
}

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(rueidisSleeps...); err != nil {
			fmt.Fprintln(os.Stderr, "goroutines left after the tests:", err)
			code = 1
		}
	}
	os.Exit(code)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func options(addrs ...string) rediscache.Options {
	return rediscache.Options{Client: rueidis.ClientOption{InitAddress: addrs}}
}

func open(t *testing.T, opts rediscache.Options) *rediscache.Tier {
	t.Helper()
	tier, err := rediscache.New(t.Context(), opts)
	must(t, err)
	t.Cleanup(tier.Close)
	return tier
}

func do(t *testing.T, s *redisserver.Server, command ...string) string {
	t.Helper()
	reply, err := s.Do(context.WithoutCancel(t.Context()), command...)
	must(t, err)
	return reply
}

// get gets with enough time.
func get(t *testing.T, tier querycache.Tier, key string, names ...string) querycache.TierValue {
	t.Helper()
	v, err := tier.Get(t.Context(), key, names)
	must(t, err)
	return v
}

// brief is a context for calls that must fail by its end.
func brief(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within 30 seconds: ", what)
		}
	}
}
