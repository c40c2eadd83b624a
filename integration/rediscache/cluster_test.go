//go:build unix

package rediscache_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/headrace/headrace/integration/redisserver"
	"github.com/headrace/headrace/integration/tiertest"
	"github.com/headrace/headrace/querycache/rediscache"
)

// onPrimary returns a name or key that, after prefix, is on the primary with the
// index. Braces around it are the part of the key that determines the slot.
func onPrimary(t *testing.T, c *redisserver.Cluster, index int, prefix string) string {
	t.Helper()
	for i := 0; ; i++ {
		key := fmt.Sprintf("{%d}", i)
		slot, err := strconv.Atoi(do(t, c.Primaries[0], "CLUSTER", "KEYSLOT", prefix+key))
		must(t, err)
		if slot*len(c.Primaries)/16384 == index {
			return key
		}
	}
}

func nameOn(t *testing.T, c *redisserver.Cluster, index int) string {
	return onPrimary(t, c, index, "headrace:v:")
}

func keyOn(t *testing.T, c *redisserver.Cluster, index int) string {
	return onPrimary(t, c, index, "headrace:e:")
}

// checkTraffic raises and reads names until stop is closed, and returns when it
// has ended: no version comes back after a raise.
func checkTraffic(t *testing.T, stop chan struct{}, tier, other *rediscache.Tier, names ...string) (calls *atomic.Int64, wait func()) {
	var wg sync.WaitGroup
	calls = &atomic.Int64{}
	for _, name := range names {
		wg.Go(func() {
			raised := map[uint64]bool{}
			for {
				select {
				case <-stop:
					return
				default:
				}
				v, err := other.Get(t.Context(), "key", []string{name})
				if err == nil {
					err = tier.Raise(t.Context(), []string{name})
				}
				if err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				if raised[v.Versions[0]] {
					t.Errorf("%s: version %x came back", name, v.Versions[0])
				}
				raised[v.Versions[0]] = true
				calls.Add(1)
			}
		})
	}
	return calls, wg.Wait
}

// A slot moves to another node while names in it are raised and read.
func TestClusterMovesSlot(t *testing.T) {
	t.Parallel()
	cluster := redisserver.NewCluster(t, nil)
	tier, other := open(t, options(cluster.Addrs()...)), open(t, options(cluster.Addrs()[0]))
	raises := tiertest.Listen(t, other)
	tag := nameOn(t, cluster, 0)
	name, still := tag+"raised", tag+"still"
	get(t, other, "key", name, still)
	stop := make(chan struct{})
	calls, wait := checkTraffic(t, stop, tier, other, name)

	from, to := cluster.Primaries[0], cluster.Primaries[2]
	slot := do(t, from, "CLUSTER", "KEYSLOT", "headrace:v:"+name)
	fromID, toID := do(t, from, "CLUSTER", "MYID"), do(t, to, "CLUSTER", "MYID")
	host, port, _ := strings.Cut(to.Addr(), ":")
	do(t, to, "CLUSTER", "SETSLOT", slot, "IMPORTING", fromID)
	do(t, from, "CLUSTER", "SETSLOT", slot, "MIGRATING", toID)
	awaitCalls(t, calls, "while the slot migrates")
	do(t, from, "MIGRATE", host, port, "headrace:v:"+name, "0", "5000")
	// A process that does not call learns that it has to ask the other node.
	if raises.Has(still) {
		t.Errorf("a raise of %s was reported", still)
	}
	do(t, from, "MIGRATE", host, port, "headrace:v:"+still, "0", "5000")
	raises.Await(t, still)
	awaitCalls(t, calls, "after the key has moved")
	for _, s := range []*redisserver.Server{to, from, cluster.Primaries[1]} {
		do(t, s, "CLUSTER", "SETSLOT", slot, "NODE", toID)
	}
	awaitCalls(t, calls, "after the slot has moved")
	close(stop)
	wait()

	must(t, tier.Raise(t.Context(), []string{name}))
	before := get(t, tier, "key", name).Versions[0]
	if v := get(t, other, "key", name).Versions[0]; v != before {
		t.Errorf("versions %x and %x", v, before)
	}
	n := raises.Lost()
	must(t, tier.Raise(t.Context(), []string{name}))
	raises.Await(t, name)
	t.Logf("%d rounds, %d reports of a possible loss", calls.Load(), n)
}

func awaitCalls(t *testing.T, calls *atomic.Int64, when string) {
	t.Helper()
	before := calls.Load()
	eventually(t, "calls "+when, func() bool { return calls.Load() > before+100 || t.Failed() })
}

// A primary dies: names of other primaries go on, and its own ones when the
// replica has taken over. The loss is reported before any of them is read.
func TestClusterFailover(t *testing.T) {
	t.Parallel()
	cluster := redisserver.NewCluster(t, &redisserver.ClusterOptions{Replicas: true})
	tier := open(t, options(cluster.Addrs()...))
	dead, alive := nameOn(t, cluster, 1), nameOn(t, cluster, 0)
	before := get(t, tier, keyOn(t, cluster, 0), dead, alive).Versions
	raises := tiertest.Listen(t, tier)
	cluster.Primaries[1].Kill()
	start := time.Now()
	errs := 0
	eventually(t, "the replica takes over", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := tier.Get(ctx, keyOn(t, cluster, 0), []string{alive}); err != nil {
			t.Fatalf("a name of another primary: %v", err)
		}
		v, err := tier.Get(ctx, keyOn(t, cluster, 0), []string{dead})
		if err != nil {
			errs++
			return false
		}
		if raises.Lost() == 0 {
			t.Error("read from the new primary, and no loss reported")
		}
		if v.Versions[0] != before[0] {
			t.Logf("the replica did not have the version: %x, then %x", before[0], v.Versions[0])
		}
		return true
	})
	t.Logf("the replica took over after %v; %d errors before", time.Since(start), errs)
	must(t, tier.Raise(t.Context(), []string{dead, alive}))
}

// A replica takes over from a primary that lives on. Raises are still reported.
func TestClusterSwitch(t *testing.T) {
	t.Parallel()
	cluster := redisserver.NewCluster(t, &redisserver.ClusterOptions{Replicas: true})
	tier, other := open(t, options(cluster.Addrs()...)), open(t, options(cluster.Addrs()...))
	name := nameOn(t, cluster, 1)
	get(t, other, "key", name)
	raises := tiertest.Listen(t, other)
	do(t, cluster.Replicas[1], "CLUSTER", "FAILOVER")
	eventually(t, "the replica takes over", func() bool {
		return strings.HasPrefix(do(t, cluster.Replicas[1], "ROLE"), "master")
	})
	// other makes no call, and does not know the new primary. Nodes that do not
	// know it yet either report CLUSTERDOWN.
	eventually(t, "raise", func() bool { return tier.Raise(t.Context(), []string{name}) == nil })
	raises.Await(t, name)
	if a, b := get(t, tier, "key", name), get(t, other, "key", name); a.Versions[0] != b.Versions[0] {
		t.Errorf("versions %x and %x", a.Versions, b.Versions)
	}
}

// A client of the program that reads from replicas reads keys of a Tier from
// primaries.
func TestClusterReadsFromPrimaries(t *testing.T) {
	t.Parallel()
	cluster := redisserver.NewCluster(t, &redisserver.ClusterOptions{Replicas: true})
	option := options(cluster.Addrs()...).Client
	option.SendToReplicas = func(cmd rueidis.Completed) bool { return cmd.Commands()[0] == "GET" }
	tracking, err := rediscache.Track(&option, "")
	must(t, err)
	client, err := rueidis.NewClient(option)
	must(t, err)
	t.Cleanup(client.Close)
	tier, err := tracking.Tier(t.Context(), client)
	must(t, err)
	t.Cleanup(tier.Close)
	readOnly := option
	readOnly.SendToReplicas = func(cmd rueidis.Completed) bool { return cmd.IsReadOnly() }
	plain, err := rueidis.NewClient(readOnly)
	must(t, err)
	t.Cleanup(plain.Close)
	untracked, err := rediscache.NewUntracked(t.Context(), plain, "")
	must(t, err)
	t.Cleanup(untracked.Close)
	names := []string{nameOn(t, cluster, 0), nameOn(t, cluster, 1), nameOn(t, cluster, 2)}
	for _, s := range cluster.Replicas { // which then have no raise
		must(t, s.Pause())
	}
	for range 10 {
		before := get(t, tier, "key", names...).Versions
		must(t, tier.Raise(t.Context(), names))
		after, again := get(t, tier, "key", names...).Versions, get(t, untracked, "key", names...).Versions
		for i := range names {
			if before[i] == after[i] || after[i] != again[i] {
				t.Fatalf("versions %x, then %x and %x", before, after, again)
			}
		}
	}
}

// Without a node for some slots, calls for others go on.
func TestClusterDown(t *testing.T) {
	t.Parallel()
	cluster := redisserver.NewCluster(t, &redisserver.ClusterOptions{
		Options: redisserver.Options{Settings: map[string]string{"cluster-require-full-coverage": "yes"}},
	})
	tier := open(t, options(cluster.Addrs()...))
	names := []string{nameOn(t, cluster, 0), nameOn(t, cluster, 1)}
	key := keyOn(t, cluster, 0)
	get(t, tier, key, names...)
	cluster.Primaries[1].Kill()
	eventually(t, "the cluster is down", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := tier.Raise(ctx, names[:1])
		redisErr := (*rueidis.RedisError)(nil)
		return errors.As(err, &redisErr) && redisErr.IsClusterDown() && strings.Contains(err.Error(), "too few nodes")
	})
	// A program starts nevertheless.
	late := open(t, options(cluster.Addrs()...))
	must(t, cluster.Primaries[1].Start(t.Context()))
	for _, tier := range []*rediscache.Tier{tier, late} {
		eventually(t, "the cluster is up", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return tier.Raise(ctx, names) == nil
		})
	}
}
