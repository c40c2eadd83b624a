//go:build unix

package rediscache_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/headrace/headrace/integration/redisserver"
	"github.com/headrace/headrace/integration/tiertest"
	"github.com/headrace/headrace/querycache/rediscache"
)

// The delay of reports is about that of a reply.
func TestReportDelay(t *testing.T) {
	t.Parallel()
	server := redisserver.New(t, nil)
	tier, other := open(t, options(server.Addr())), open(t, options(server.Addr()))
	raised := make(chan time.Time, 1)
	t.Cleanup(tier.Notify(func([]string) { raised <- time.Now() }))
	var delays, calls []time.Duration
	for range 200 {
		start := time.Now()
		must(t, other.Raise(t.Context(), []string{"a"}))
		calls = append(calls, time.Since(start))
		delays = append(delays, (<-raised).Sub(start))
	}
	slices.Sort(delays)
	slices.Sort(calls)
	t.Logf("a raise takes %v in the median, and is reported after %v, 99 %% after at most %v", calls[100], delays[100], delays[198])
}

// With one connection, a process hears nothing of its own raises.
func TestOwnRaisesAreNotReported(t *testing.T) {
	t.Parallel()
	server := redisserver.New(t, nil)
	tier, other := open(t, options(server.Addr())), open(t, options(server.Addr()))
	raises := tiertest.Listen(t, tier)
	must(t, tier.Raise(t.Context(), []string{"own"}))
	must(t, other.Raise(t.Context(), []string{"others"}))
	raises.Await(t, "others") // pushes of a connection are in order
	if raises.Has("own") {
		t.Error("the own raise was reported")
	}
}

// What reaches a listener after a connection was lost: nil, before the first
// call returns from the next connection.
func TestLostConnectionIsReportedBeforeReads(t *testing.T) {
	t.Parallel()
	server := redisserver.New(t, nil)
	for name, tier := range map[string]*rediscache.Tier{"own client": open(t, options(server.Addr())), "program's client": shared(t, server.Addr())} {
		raises := tiertest.Listen(t, tier)
		get(t, tier, "key", "a")
		for range 100 {
			before := raises.Lost()
			do(t, server, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
			connections := strings.Count(do(t, server, "CLIENT", "LIST"), "\n")
			for {
				if _, err := tier.Get(t.Context(), "key", []string{"a"}); err == nil {
					break
				}
			}
			if raises.Lost() == before {
				t.Fatalf("%s: a call returned from a new connection, and nothing was reported (%d connections before)", name, connections)
			}
		}
	}
}

func TestFlushIsReported(t *testing.T) {
	t.Parallel()
	server := redisserver.New(t, nil)
	raises := tiertest.Listen(t, open(t, options(server.Addr())))
	do(t, server, "FLUSHALL")
	raises.AwaitLost(t, 0)
}

// Redis comes back with an older snapshot, in which a raise is missing.
func TestOlderSnapshot(t *testing.T) {
	t.Parallel()
	server := redisserver.New(t, nil)
	tier := open(t, options(server.Addr()))
	old := get(t, tier, "key", "a").Versions
	do(t, server, "SAVE")
	must(t, tier.Raise(t.Context(), []string{"a"}))
	raised := get(t, tier, "key", "a").Versions
	raises := tiertest.Listen(t, tier)
	server.Kill()
	must(t, server.Start(t.Context()))
	eventually(t, "the tier connects again", func() bool {
		v, err := tier.Get(t.Context(), "key", []string{"a"})
		if err == nil && raises.Lost() == 0 {
			t.Fatal("a version was read, and no loss reported")
		}
		if err == nil && v.Versions[0] != old[0] {
			t.Fatalf("version %x, want that of the snapshot, %x (not %x)", v.Versions, old, raised)
		}
		return err == nil
	})
}

// The program's own functions are called, too, and its tracking goes on.
func TestProgramsOwnTracking(t *testing.T) {
	t.Parallel()
	server := redisserver.New(t, nil)
	keys := make(chan string, 100)
	option := rueidis.ClientOption{
		InitAddress:           []string{server.Addr()},
		ClientTrackingOptions: []string{"BCAST", "PREFIX", "mine:"},
		OnInvalidations: func(messages []rueidis.RedisMessage) {
			for _, m := range messages {
				key, _ := m.ToString()
				keys <- key
			}
		},
	}
	tracking, err := rediscache.Track(&option, "")
	must(t, err)
	client, err := rueidis.NewClient(option)
	must(t, err)
	t.Cleanup(client.Close)
	tier, err := tracking.Tier(t.Context(), client)
	must(t, err)
	t.Cleanup(tier.Close)
	raises := tiertest.Listen(t, tier)
	do(t, server, "SET", "mine:1", "x")
	do(t, server, "SET", "headrace:v:a", "x")
	raises.Await(t, "a")
	eventually(t, "the program's own invalidation", func() bool { return <-keys == "mine:1" })
	if raises.Has("mine:1") {
		t.Error("a key of the program was reported as a name")
	}
	// DoCache would never hear of changes of other keys: it must not keep any.
	option = rueidis.ClientOption{InitAddress: []string{server.Addr()}}
	_, err = rediscache.Track(&option, "")
	must(t, err)
	plain, err := rueidis.NewClient(option)
	must(t, err)
	t.Cleanup(plain.Close)
	for _, value := range []string{"1", "2"} {
		do(t, server, "SET", "other", value)
		got, err := plain.DoCache(t.Context(), plain.B().Get().Key("other").Cache(), time.Hour).ToString()
		if err != nil || got != value {
			t.Errorf("DoCache returned %q (%v), want %q", got, err, value)
		}
	}
}

// Only keys below the prefix are touched.
func TestOtherKeysAreNotTouched(t *testing.T) {
	t.Parallel()
	server := redisserver.New(t, nil)
	before := map[string]string{}
	for _, key := range []string{"a", "v:a", "e:key", "other:v:a", "headrac", "headrace", "mine:e:key", "HEADRACE:v:a"} {
		do(t, server, "SET", key, "of another program")
		before[key] = do(t, server, "DUMP", key)
	}
	tier := open(t, options(server.Addr()))
	must(t, tier.Set(t.Context(), "key", []byte("value"), time.Hour))
	get(t, tier, "key", "a", "b")
	must(t, tier.Raise(t.Context(), []string{"a", "c"}))
	tier.Close()
	for key, dump := range before {
		if do(t, server, "DUMP", key) != dump || do(t, server, "PTTL", key) != "-1" {
			t.Errorf("key %s of another program was changed", key)
		}
	}
	for key := range strings.Lines(do(t, server, "KEYS", "*")) {
		key = strings.TrimSpace(key)
		if _, ok := before[key]; !ok && !strings.HasPrefix(key, "headrace:e:") && !strings.HasPrefix(key, "headrace:v:") {
			t.Errorf("there is a new key %s", key)
		}
	}
	commands := do(t, server, "INFO", "commandstats")
	for _, command := range []string{"flushall", "flushdb", "del", "unlink", "scan", "expire"} {
		if strings.Contains(commands, "cmdstat_"+command+":") {
			t.Errorf("a command %s was sent", command)
		}
	}
}
