//go:build unix

package rediscache_test

import (
	"testing"

	"github.com/redis/rueidis"

	"github.com/headrace/headrace/integration/redisserver"
	"github.com/headrace/headrace/integration/tiertest"
	"github.com/headrace/headrace/querycache"
	"github.com/headrace/headrace/querycache/rediscache"
)

func TestContract(t *testing.T) {
	t.Parallel()
	single := redisserver.New(t, nil)
	t.Run("one_server", func(t *testing.T) {
		tiertest.Run(t, func(t *testing.T) querycache.Tier { return open(t, options(single.Addr())) })
	})
	t.Run("many_connections", func(t *testing.T) {
		opts := options(single.Addr())
		opts.Prefix = "many:"
		opts.Client.PipelineMultiplex = 3
		opts.Client.BlockingPipeline = 100
		tiertest.Run(t, func(t *testing.T) querycache.Tier { return open(t, opts) })
	})
	t.Run("untracked", func(t *testing.T) {
		tiertest.Run(t, func(t *testing.T) querycache.Tier {
			client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{single.Addr()}, AlwaysRESP2: true, DisableCache: true})
			must(t, err)
			t.Cleanup(client.Close)
			tier, err := rediscache.NewUntracked(t.Context(), client, "untracked:")
			must(t, err)
			t.Cleanup(tier.Close)
			return tier
		})
	})
	t.Run("client_of_the_program", func(t *testing.T) {
		tiertest.Run(t, func(t *testing.T) querycache.Tier { return shared(t, single.Addr()) })
	})
}

func TestContractInCluster(t *testing.T) {
	t.Parallel()
	cluster := redisserver.NewCluster(t, &redisserver.ClusterOptions{Replicas: true})
	tiertest.Run(t, func(t *testing.T) querycache.Tier { return open(t, options(cluster.Addrs()...)) })
}

func TestLoss(t *testing.T) {
	t.Parallel()
	t.Run("FLUSHALL", func(t *testing.T) {
		t.Parallel()
		server := redisserver.New(t, nil)
		tiertest.RunLoss(t, func(t *testing.T) querycache.Tier { return open(t, options(server.Addr())) },
			func(t *testing.T) { do(t, server, "FLUSHALL") })
	})
	t.Run("restart", func(t *testing.T) {
		t.Parallel()
		server := redisserver.New(t, nil)
		tier := open(t, options(server.Addr()))
		tiertest.RunLoss(t, func(t *testing.T) querycache.Tier { return tier },
			func(t *testing.T) {
				server.Kill()
				must(t, server.Start(t.Context()))
				eventually(t, "the tier connects again", func() bool { return tier.Raise(t.Context(), nil) == nil })
			})
	})
}

// shared returns a Tier on a client of the program.
func shared(t *testing.T, addr string) *rediscache.Tier {
	t.Helper()
	option := rueidis.ClientOption{InitAddress: []string{addr}}
	tracking, err := rediscache.Track(&option, "shared:")
	must(t, err)
	client, err := rueidis.NewClient(option)
	must(t, err)
	t.Cleanup(client.Close)
	tier, err := tracking.Tier(t.Context(), client)
	must(t, err)
	t.Cleanup(tier.Close)
	return tier
}
