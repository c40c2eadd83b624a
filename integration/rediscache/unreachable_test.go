//go:build unix

package rediscache_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/headrace/headrace/integration/redisserver"
	"github.com/headrace/headrace/integration/tiertest"
	"github.com/headrace/headrace/querycache/rediscache"
)

// A program starts without Redis, and uses it once it is there.
func TestStartsWithoutRedis(t *testing.T) {
	t.Parallel()
	server := redisserver.New(t, nil)
	server.Stop()
	var dials, most atomic.Int64
	opts := options(server.Addr())
	opts.Client.DialCtxFn = func(ctx context.Context, address string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
		most.Store(max(most.Load(), dials.Add(1)))
		defer dials.Add(-1)
		return d.DialContext(ctx, "tcp", address)
	}
	tier, err := rediscache.New(t.Context(), opts)
	must(t, err)
	t.Cleanup(tier.Close)
	raises := tiertest.Listen(t, tier)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 20 {
				_, err := tier.Get(t.Context(), "key", []string{"a"})
				opErr := (*net.OpError)(nil)
				if !errors.As(err, &opErr) || opErr.Op != "dial" {
					t.Errorf("error %v, want that of dialing", err)
				}
			}
		})
	}
	wg.Wait()
	if most.Load() > 1 {
		t.Errorf("%d attempts to connect at once", most.Load())
	}
	must(t, server.Start(t.Context()))
	must(t, tier.Raise(t.Context(), nil))
	if raises.Lost() == 0 {
		t.Error("the first connection was not reported")
	}
	get(t, tier, "key", "a")
}

// Calls return by the end of their context while Redis is stopped, however many
// they are; and it can be used when it goes on.
func TestPausedServer(t *testing.T) {
	t.Parallel()
	server := redisserver.New(t, nil)
	for name, tier := range map[string]*rediscache.Tier{"own client": open(t, options(server.Addr())), "program's client": shared(t, server.Addr())} {
		must(t, tier.Set(t.Context(), "key", []byte("value"), time.Hour))
		before := get(t, tier, "key", "a").Versions[0]
		must(t, server.Pause())
		var wg sync.WaitGroup
		for i := range 3000 { // more than the client's queue holds
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
				defer cancel()
				var err error
				switch i % 3 {
				case 0:
					_, err = tier.Get(ctx, "key", []string{"a"})
				case 1:
					err = tier.Set(ctx, "other", []byte("value"), time.Hour)
				case 2:
					err = tier.Raise(ctx, []string{"b"})
				}
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: error %v, want that of the deadline", name, err)
				}
			})
		}
		wg.Wait()
		must(t, server.Resume())
		if v := get(t, tier, "key", "a"); string(v.Value) != "value" || v.Versions[0] != before {
			t.Errorf("%s: got %q with version %x, want the value with %x", name, v.Value, v.Versions, before)
		}
	}
}

// A connection whose other end says nothing is given up, which is reported.
func TestHalfOpenConnection(t *testing.T) {
	t.Parallel()
	server := redisserver.New(t, nil)
	tier := open(t, options(server.Addr()))
	raises := tiertest.Listen(t, tier)
	start := time.Now()
	must(t, server.Pause())
	raises.AwaitLost(t, 0)
	t.Logf("noticed after %v", time.Since(start))
	must(t, server.Resume())
}

// Close returns, ends all calls, and leaves no goroutine.
func TestClose(t *testing.T) {
	t.Parallel()
	server := redisserver.New(t, nil)
	for _, paused := range []bool{false, true} {
		tier, err := rediscache.New(t.Context(), options(server.Addr()))
		must(t, err)
		if paused {
			must(t, server.Pause())
		}
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				for {
					if _, err := tier.Get(t.Context(), "key", []string{"a"}); err != nil {
						if !errors.Is(err, net.ErrClosed) && !errors.Is(err, rueidis.ErrClosing) {
							t.Errorf("error %v, want that of a closed tier", err)
						}
						return
					}
				}
			})
		}
		runtime.Gosched()
		tier.Close()
		tier.Close()
		wg.Wait()
		if err := tier.Raise(t.Context(), nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("error %v after Close", err)
		}
	}
	// Also while it connects.
	tier, err := rediscache.New(brief(t), options(server.Addr())) // which is paused
	must(t, err)
	tier.Close()
	must(t, server.Resume())
}

// A server that never completes the handshake, and one that is no Redis.
func TestStrangeServers(t *testing.T) {
	t.Parallel()
	for name, greeting := range map[string]string{"silent": "", "HTTP": "HTTP/1.1 400 Bad Request\r\n\r\n", "noise": "\x00\x01\x02\xff\r\n", "SSH": "SSH-2.0-OpenSSH\r\n"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		t.Cleanup(func() { _ = listener.Close() })
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Write([]byte(greeting))
				if greeting != "" {
					_ = conn.Close()
				} else {
					t.Cleanup(func() { _ = conn.Close() })
				}
			}
		}()
		tier, err := rediscache.New(brief(t), options(listener.Addr().String()))
		t.Logf("%s: New: %v", name, err)
		if err == nil {
			err = tier.Raise(brief(t), nil)
			t.Logf("%s: Raise: %v", name, err)
			tier.Close()
		}
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
