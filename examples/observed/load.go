package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// A visitor sends requests to one route.
type visitor struct {
	method  string
	path    func(n int) string // of the nth request
	want    int                // status
	workers int                // requests at a time
	pause   time.Duration      // of a worker, between two requests
}

var (
	large = []string{"US", "IT", "MX", "FR"} // the countries with the most cities
	small = []string{"AT", "BE", "CH", "NL"}
	names = []string{"Springfield", "San Jose", "Saint-Denis", "Santa Cruz", "Neustadt", "Victoria", "Georgetown"}
)

// visitors are the load, by the fault that they bring to light.
var visitors = map[fault]visitor{
	loop: {
		path:    func(n int) string { return fmt.Sprintf("/trips/%d", 1+n%trips) },
		workers: 2, pause: 50 * time.Millisecond,
	},
	index: {
		path:    func(n int) string { return "/cities?name=" + url.QueryEscape(names[n%len(names)]) },
		workers: 2, pause: 10 * time.Millisecond,
	},
	hot: {
		path:    func(n int) string { return "/countries/" + small[n%len(small)] + "/largest" },
		workers: 1, pause: 50 * time.Millisecond,
	},
	pool: {
		path:    func(n int) string { return "/countries/AT/reports/" + []string{"features", "regions", "initials"}[n%3] },
		workers: 2, pause: 150 * time.Millisecond,
	},
	leak: {
		method:  http.MethodPost,
		path:    func(int) string { return "/cities/-1/visits" },
		want:    http.StatusNotFound,
		workers: 1, pause: 250 * time.Millisecond,
	},
	unbounded: {
		path:    func(n int) string { return "/countries/" + large[n%len(large)] + "/cities" },
		workers: 2, pause: 75 * time.Millisecond,
	},
}

// tally counts the requests of a load.
type tally struct{ sent, failed atomic.Int64 }

// drive sends requests to a service on this machine until ctx ends. It returns
// the first error of a request, and goes on meanwhile.
func drive(ctx context.Context, address string, load map[fault]visitor, count *tally) error {
	if host, _, err := net.SplitHostPort(address); err != nil || !net.ParseIP(host).IsLoopback() {
		return fmt.Errorf("load: %q is not an address of this machine, such as 127.0.0.1:8080", address)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 2 * requestTimeout}
	var first atomic.Pointer[error]
	var workers sync.WaitGroup
	for _, v := range load {
		var sent atomic.Int64 // by all workers of the visitor
		for range v.workers {
			workers.Go(func() {
				for ctx.Err() == nil {
					err := v.send(ctx, client, "http://"+address, int(sent.Add(1)))
					count.sent.Add(1)
					if err != nil && ctx.Err() == nil {
						count.failed.Add(1)
						first.CompareAndSwap(nil, &err)
					}
					wait(ctx, v.pause)
				}
			})
		}
	}
	workers.Wait()
	if err := first.Load(); err != nil {
		return *err
	}
	return nil
}

// send sends the nth request and reads the response.
func (v *visitor) send(ctx context.Context, client *http.Client, base string, n int) (err error) {
	method, want := v.method, v.want
	if method == "" {
		method = http.MethodGet
	}
	if want == 0 {
		want = http.StatusOK
	}
	path := v.path(n)
	r, err := http.NewRequestWithContext(ctx, method, base+path, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != want {
		return fmt.Errorf("load: %s %s: %s", method, path, response.Status)
	}
	return nil
}

// wait waits for a duration, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
