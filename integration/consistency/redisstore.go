package consistency

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/headrace/headrace/integration/faultproxy"
	"github.com/headrace/headrace/integration/redisserver"
	"github.com/headrace/headrace/querycache"
	"github.com/headrace/headrace/querycache/rediscache"
	"github.com/headrace/headrace/querycache/tablecache"
)

// A redisStore is a Redis server behind a proxy.
type redisStore struct {
	server *redisserver.Server
	proxy  *faultproxy.Proxy
	w      *world
}

// open opens a Tier, which the world closes.
func (c tierConfig) open(ctx context.Context, w *world) (querycache.Tier, error) {
	if c.Kind == Table {
		t, err := tablecache.New(ctx, c.Addrs[0], nil)
		if err == nil {
			w.close = append(w.close, t.Close)
		}
		return t, err
	}
	t, err := rediscache.New(ctx, rediscache.Options{Client: rueidis.ClientOption{InitAddress: c.Addrs}})
	if err == nil {
		w.close = append(w.close, t.Close)
	}
	return t, err
}

func newRedisStore(ctx context.Context, w *world) (_ *redisStore, err error) {
	s := &redisStore{w: w}
	if s.server, err = redisserver.Start(ctx, nil); err != nil {
		return nil, err
	}
	if s.proxy, err = faultproxy.Start(s.server.Addr()); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *redisStore) tier(ctx context.Context) (querycache.Tier, error) {
	return s.config().open(ctx, s.w)
}

func (s *redisStore) close() {
	if s.proxy != nil {
		_ = s.proxy.Close()
	}
	_ = s.server.Close()
}

func (*redisStore) notifies() bool { return true }

func (s *redisStore) config() tierConfig {
	return tierConfig{Kind: Redis, Addrs: []string{s.proxy.Addr()}}
}

// memory returns how much memory the server uses.
func (s *redisStore) memory(ctx context.Context) int {
	info, _ := s.server.Do(ctx, "INFO", "memory")
	_, rest, _ := strings.Cut(info, "used_memory:")
	line, _, _ := strings.Cut(rest, "\r")
	n, _ := strconv.Atoi(line)
	return n
}

func (*redisStore) prompt() bool { return false }

func (s *redisStore) fault(ctx context.Context, r *rand.Rand, lossy lossFunc) {
	some := func(most time.Duration) { sleep(ctx, time.Duration(r.Int64N(int64(most)))) }
	do := func(command ...string) { _, _ = s.server.Do(ctx, command...) } // the next fault may repair it
	switch r.IntN(10) {
	case 0:
		s.proxy.CutAll()
	case 1: // in the middle of a reply
		s.proxy.Fail(faultproxy.Fault{Direction: faultproxy.ToClient, After: []byte("$"), Plus: r.IntN(300), Kind: faultproxy.Cut})
	case 2:
		s.proxy.Latency(time.Duration(r.IntN(15)) * time.Millisecond)
		some(100 * time.Millisecond)
		s.proxy.Latency(0)
	case 3:
		s.proxy.Refuse(true)
		s.proxy.CutAll()
		some(30 * time.Millisecond)
		s.proxy.Refuse(false)
	case 4:
		s.proxy.Silence(faultproxy.Direction(r.IntN(2)), true)
		some(100 * time.Millisecond)
		s.proxy.Silence(faultproxy.ToClient, false)
		s.proxy.Silence(faultproxy.ToServer, false)
	case 5:
		_ = s.server.Pause()
		some(100 * time.Millisecond)
		_ = s.server.Resume()
	case 6:
		do("FLUSHALL")
	case 7: // evicts values and versions
		do("CONFIG", "SET", "maxmemory-policy", "allkeys-random", "maxmemory", strconv.Itoa(max(1, s.memory(ctx)-10<<10)))
		some(100 * time.Millisecond)
		do("CONFIG", "SET", "maxmemory", "0")
	case 8: // lost without a trace
		do("FLUSHALL")
		do("SAVE")
		s.server.Kill()
		_ = s.server.Start(ctx)
	case 9: // back at an earlier state
		do("SAVE")
		some(300 * time.Millisecond)
		lossy(-1, s.server.Kill, func() { _ = s.server.Start(ctx) })
	}
	sleep(ctx, time.Duration(r.IntN(600))*time.Millisecond) // connections and caches recover slowly
}
