package faultproxy

import (
	"bytes"
	"slices"
	"time"
)

// Direction is which way bytes go.
type Direction int

// The directions.
const (
	ToServer Direction = iota // what the client says
	ToClient                  // what the server says
)

// Kind is what a fault does when its moment has come. The bytes after it are not passed.
type Kind int

// The kinds of faults.
const (
	Cut    Kind = iota // both ends see the connection reset
	Hang               // nothing more passes that way on this connection, and nobody is told
	Finish             // that way is closed in good order, the other stays open
)

// Fault is something to happen once, on the first connection that meets its condition.
type Fault struct {
	Direction Direction
	Kind      Kind

	// After is when: the bytes up to and with the first occurrence of this text are passed. It may be spread over
	// several packets. Empty means at once, with the next byte.
	After []byte

	// Plus is how many bytes are passed after that; with an empty After, from now on. One more than zero cuts in the
	// middle of whatever follows.
	Plus int
}

// Fail arms a fault and returns a channel that is closed when it has come. Several faults may be armed at once.
func (p *Proxy) Fail(f Fault) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := &armed{Fault: f, fired: make(chan struct{})}
	p.faults = append(p.faults, a)
	return a.fired
}

// CutAll resets all connections that are open. New ones can be made.
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

// Refuse makes new connections fail, or lets them pass again.
func (p *Proxy) Refuse(refuse bool) {
	p.change(func() { p.refusing = refuse })
}

// Silence stops passing bytes in a direction on all connections, or goes on where it stopped: with both directions a
// network that loses everything, with one a half-open connection.
func (p *Proxy) Silence(d Direction, silent bool) {
	p.change(func() { p.silent[d] = silent })
}

// Latency delays what passes, each way, by a duration; zero ends that.
func (p *Proxy) Latency(d time.Duration) {
	p.change(func() { p.latency = d })
}

// Bandwidth bounds what passes, each way and on each connection, in bytes per second; zero ends that.
func (p *Proxy) Bandwidth(bytesPerSecond int) {
	p.change(func() { p.rate = bytesPerSecond })
}

func (p *Proxy) change(set func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	set()
	p.broadcast()
}

// watcher looks for the moment of one fault in the bytes of one connection.
type watcher struct {
	fault   *armed
	matched bool
	tail    []byte // the last bytes, one fewer than After, for texts that are spread over packets
	left    int    // after the match, how many bytes may still pass
}

func newWatcher(a *armed) *watcher {
	return &watcher{fault: a, matched: len(a.After) == 0, left: a.Plus}
}

// pass tells how many of the next bytes may pass, and whether the moment comes after them.
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
