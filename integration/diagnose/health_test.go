package diagnose_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headrace/headrace/db/diagnose"
	"github.com/headrace/headrace/integration/faultproxy"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

// startProxy returns a proxy to a database of its own, and the connection
// string.
func startProxy(t *testing.T) (proxy *faultproxy.Proxy, proxied string) {
	t.Helper()
	direct := pgtest.New(t)
	address, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	if proxy, err = faultproxy.Start(address.Host); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	if proxied, err = proxy.ConnString(direct); err != nil {
		t.Fatal(err)
	}
	return proxy, proxied
}

// checkOf returns a check of a report.
func checkOf(t *testing.T, r diagnose.Report, name string) diagnose.Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %q in %+v", name, r)
	return diagnose.Check{}
}

// ready returns a report that no earlier check has made.
func ready(t *testing.T, h *diagnose.Health) diagnose.Report {
	t.Helper()
	asked := time.Now()
	for {
		if r := h.Ready(t.Context()); !r.At.Before(asked) {
			return r
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 2)
	cache, err := querycache.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	var version, lag atomic.Int64
	h, err := diagnose.NewHealth(pg, &diagnose.HealthOptions{
		Caches: map[string]*querycache.Cache{"main": cache, "missing": nil},
		Migrations: func(context.Context) error {
			if version.Load() != 0 {
				return errors.New("version 6, want 7")
			}
			return nil
		},
		Lag: func(context.Context) (time.Duration, error) { return time.Duration(lag.Load()), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	r := h.Ready(t.Context())
	if !r.OK || len(r.Checks) != 6 || checkOf(t, r, "primary").Took == 0 {
		t.Errorf("the report is %+v", r)
	}
	if !r.Degraded || !checkOf(t, r, "cache missing").Degraded || checkOf(t, r, "cache main").Degraded {
		t.Errorf("the report is %+v", r)
	}
	text, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(text), `"ok":true,"degraded":true,"at":"`) || !strings.Contains(string(text), `{"name":"primary","ok":true,"degraded":false,"took_ns":`) {
		t.Errorf("as JSON: %s, %v", text, err)
	}

	version.Store(6)
	lag.Store(int64(time.Minute))
	cache.Suspend()
	reads, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, pg, "CREATE TABLE items (id int, name text); INSERT INTO items VALUES (1, 'x')")
	if _, err := itemByID.One(t.Context(), reads, 1); err != nil {
		t.Fatal(err)
	}
	r = ready(t, h)
	if c := checkOf(t, r, "migrations"); r.OK || c.OK || c.Detail != "version 6, want 7" {
		t.Errorf("the report is %+v", r)
	}
	if c := checkOf(t, r, "replica"); !c.OK || !c.Degraded || c.Detail != "lag 1m0s" {
		t.Errorf("the replica: %+v", c)
	}
	if c := checkOf(t, r, "cache main"); !c.OK || !c.Degraded || !strings.Contains(c.Detail, "suspended") {
		t.Errorf("the cache: %+v", c)
	}
	if r := h.Live(); !r.OK || r.Degraded || len(r.Checks) != 1 {
		t.Errorf("alive: %+v", r)
	}
}

// A server that does not answer makes the program unready within the timeout,
// and ready when it is back.
func TestReadyWithoutServer(t *testing.T) {
	t.Parallel()
	proxy, proxied := startProxy(t)
	pg := openAt(t, proxied, 2)
	h, err := diagnose.NewHealth(pg, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if r := h.Ready(t.Context()); !r.OK || r.Degraded {
		t.Errorf("the report is %+v", r)
	}
	proxy.Silence(faultproxy.ToClient, true)
	if r := ready(t, h); r.OK || checkOf(t, r, "primary").Detail != "timed out" {
		t.Errorf("of a silent server: %+v", r)
	}
	if r := h.Live(); !r.OK {
		t.Errorf("not alive: %+v", r)
	}
	proxy.Silence(faultproxy.ToClient, false)
	if r := ready(t, h); !r.OK {
		t.Errorf("of a server that is back: %+v", r)
	}
	proxy.Refuse(true)
	proxy.CutAll()
	if r := ready(t, h); r.OK || checkOf(t, r, "primary").Detail == "" {
		t.Errorf("of a server that refuses: %+v", r)
	}
	proxy.Refuse(false)
	if r := ready(t, h); !r.OK {
		t.Errorf("of a server that is back: %+v", r)
	}
	proxy.CutAll() // the connection is opened anew within one check
	if r := ready(t, h); !r.OK {
		t.Errorf("after a cut: %+v", r)
	}
}

// Checks do not wait for the pool, and report that it is exhausted.
func TestReadyWithExhaustedPool(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 1)
	h, err := diagnose.NewHealth(pg, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	conn, err := pg.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release() // may be called twice
	if r := h.Ready(t.Context()); !r.OK || r.Degraded {
		t.Errorf("all in use, and none waits: %+v", r)
	}
	for len(pg.Held(1100*time.Millisecond)) == 0 {
		time.Sleep(50 * time.Millisecond)
	}
	if r := ready(t, h); !r.OK || r.Degraded {
		t.Errorf("all in use for long, and none waits: %+v", r)
	}
	waited := make(chan error, 1)
	go func() { waited <- pg.Ping(context.WithoutCancel(t.Context())) }()
	for began := time.Now(); ; {
		r := ready(t, h)
		c := checkOf(t, r, "pool")
		if !checkOf(t, r, "primary").OK {
			t.Fatalf("the server: %+v", r)
		}
		if !r.OK && strings.HasPrefix(c.Detail, "exhausted: 1 of 1 connections in use, 1 caller waits") {
			break
		}
		if time.Since(began) > patience {
			t.Fatalf("the pool is not reported: %+v", r)
		}
	}
	conn.Release()
	if err := <-waited; err != nil {
		t.Error(err)
	}
	if r := ready(t, h); !r.OK || r.Degraded {
		t.Errorf("afterwards: %+v", r)
	}
}

// Concurrent callers share a check, a report is returned for a second, and a
// caller that gives up does not end the check.
func TestReadyIsShared(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 1)
	var calls atomic.Int64
	release := make(chan struct{})
	h, err := diagnose.NewHealth(pg, &diagnose.HealthOptions{Timeout: time.Minute, Migrations: func(ctx context.Context) error {
		calls.Add(1)
		<-release
		return ctx.Err()
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if r := h.Ready(gone); r.OK || !strings.Contains(r.Checks[0].Detail, "has not ended: canceled") {
		t.Errorf("of a caller that gave up: %+v", r)
	}
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() {
			if r := h.Ready(t.Context()); !r.OK {
				t.Errorf("the report is %+v", r)
			}
		})
	}
	close(release)
	callers.Wait()
	if r := h.Ready(t.Context()); !r.OK {
		t.Errorf("the report is %+v", r)
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("%d checks", n)
	}
}

// A function that ignores its context does not stop the others.
func TestReadyWithStuckFunction(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 1)
	release := make(chan struct{})
	h, err := diagnose.NewHealth(pg, &diagnose.HealthOptions{Timeout: 100 * time.Millisecond, Migrations: func(context.Context) error {
		<-release
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if r := h.Ready(t.Context()); r.OK || checkOf(t, r, "migrations").Detail != "timed out" {
		t.Errorf("the report is %+v", r)
	}
	if r := ready(t, h); checkOf(t, r, "migrations").Detail != "the previous call has not returned" {
		t.Errorf("the report is %+v", r)
	}
	close(release)
	if r := ready(t, h); !r.OK {
		t.Errorf("afterwards: %+v", r)
	}
	h.Close()
	h.Close()
	if r := h.Ready(t.Context()); r.OK {
		t.Errorf("after Close: %+v", r)
	}
}

// A handle that was closed is not ready.
func TestReadyAfterClose(t *testing.T) {
	t.Parallel()
	pg := pgtest.DB(t, nil)
	h, err := diagnose.NewHealth(pg, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	pg.Close()
	if r := h.Ready(t.Context()); r.OK {
		t.Errorf("%+v", r)
	}
}
