package faultproxy

import (
	"bytes"
	"slices"
	"time"
)

// Direction is the direction of bytes through the proxy.
type Direction int

// The directions.
const (
	ToServer Direction = iota // bytes from the client
	ToClient                  // bytes from the server
)

// Kind is the effect of a fault. The bytes after the fault are not passed.
type Kind int

// The kinds of faults.
const (
	Cut    Kind = iota // both ends see a connection reset
	Hang               // no more bytes pass in that direction; both ends stay open
	Finish             // that direction is closed normally; the other stays open
)

// Fault is a fault that occurs once, on the first connection that meets its
// condition.
type Fault struct {
	Direction Direction
	Kind      Kind

	// After is the text that triggers the fault. Bytes up to and including its
	// first occurrence are passed; the text may be spread over several packets.
	// Default: the next byte triggers the fault.
	After []byte

	// Plus is the number of further bytes that are passed before the fault.
	Plus int
}

// Fail arms a fault and returns a channel that is closed when the fault has
// occurred. Several faults may be armed at once.
func (p *Proxy) Fail(f Fault) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := &armed{Fault: f, fired: make(chan struct{})}
	p.faults = append(p.faults, a)
	return a.fired
}

// CutAll resets all open connections. New connections are accepted.
func (p *Proxy) CutAll() {
	p.mu.Lock()
	open := make([]*link, 0, len(p.links))
	for l := range p.links {
		open = append(open, l)
	}
	p.mu.Unlock()
	for _, l := range open {
		l.reset()
	}
}

// Refuse sets whether new connections are refused.
func (p *Proxy) Refuse(refuse bool) {
	p.change(func() { p.refusing = refuse })
}

// Silence stops or resumes passing bytes in a direction on all connections. In
// both directions it simulates a network that loses all packets, in one
// direction a half-open connection.
func (p *Proxy) Silence(d Direction, silent bool) {
	p.change(func() { p.silent[d] = silent })
}

// Latency sets the delay of bytes in each direction.
func (p *Proxy) Latency(d time.Duration) {
	p.change(func() { p.latency = d })
}

// Bandwidth sets the greatest number of bytes per second, in each direction and
// on each connection. Zero is no bound.
func (p *Proxy) Bandwidth(bytesPerSecond int) {
	p.change(func() { p.rate = bytesPerSecond })
}

func (p *Proxy) change(set func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	set()
	p.broadcast()
}

// watcher finds the position of one fault in the bytes of one connection.
type watcher struct {
	fault   *armed
	matched bool
	tail    []byte // the last bytes, one fewer than After has, for texts that are spread over packets
	left    int    // the number of bytes that may still pass after the match
}

func newWatcher(a *armed) *watcher {
	return &watcher{fault: a, matched: len(a.After) == 0, left: a.Plus}
}

// pass returns how many of the next bytes may pass, and reports whether the
// fault follows them.
func (w *watcher) pass(next []byte) (n int, now bool) {
	from := 0
	if !w.matched {
		seen := slices.Concat(w.tail, next)
		at := bytes.Index(seen, w.fault.After)
		if at < 0 {
			keep := min(len(seen), len(w.fault.After)-1)
			w.tail = bytes.Clone(seen[len(seen)-keep:])
			return len(next), false
		}
		w.matched = true
		from = at + len(w.fault.After) - len(w.tail)
	}
	if room := len(next) - from; room < w.left {
		w.left -= room
		return len(next), false
	}
	return from + w.left, true
}
