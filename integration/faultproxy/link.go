package faultproxy

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// link is one connection through the proxy.
type link struct {
	proxy          *Proxy
	client, server net.Conn

	resetOnce sync.Once
	cut       chan struct{} // closed when the link has been reset

	mu    sync.Mutex // guards ended
	ended int        // number of directions that have ended
}

// reset resets both ends, so that each sees an error instead of io.EOF.
func (l *link) reset() {
	l.resetOnce.Do(func() {
		close(l.cut)
		reset(l.client)
		reset(l.server)
	})
}

// reset closes a connection with RST instead of FIN.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails on a connection that is closed already
	}
	_ = conn.Close()
}

// pass copies the bytes of one direction until the direction is closed or the
// connection is reset.
func (l *link) pass(d Direction, from, to net.Conn) {
	if l.copy(d, from, to) {
		if tcp, ok := to.(*net.TCPConn); ok {
			_ = tcp.CloseWrite() // fails on a connection that is closed already
		}
	} else {
		l.reset()
	}
	l.leave()
}

// leave closes both connections when both directions have ended.
func (l *link) leave() {
	l.mu.Lock()
	l.ended++
	over := l.ended == 2
	l.mu.Unlock()
	if !over {
		return
	}
	_ = l.client.Close()
	_ = l.server.Close()
	l.proxy.mu.Lock()
	delete(l.proxy.links, l)
	l.proxy.mu.Unlock()
}

// copy copies bytes and reports whether the direction was closed normally.
func (l *link) copy(d Direction, from, to net.Conn) bool {
	watchers := make(map[*armed]*watcher)
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if !l.wait(d) {
				return false
			}
			allowed, fault := l.check(d, buffer[:n], watchers)
			if !l.write(to, buffer[:allowed]) {
				return false
			}
			if fault != nil {
				return l.strike(fault)
			}
		}
		if err != nil {
			return errors.Is(err, io.EOF) && l.wait(d)
		}
	}
}

// check returns how many bytes may pass before the next armed fault. If a fault
// occurs, it is disarmed and returned.
func (l *link) check(d Direction, next []byte, watchers map[*armed]*watcher) (n int, fault *armed) {
	p := l.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	n = len(next)
	for _, a := range p.faults {
		if a.Direction != d {
			continue
		}
		w := watchers[a]
		if w == nil {
			w = newWatcher(a)
			watchers[a] = w
		}
		if allowed, now := w.pass(next); now && (fault == nil || allowed < n) {
			n, fault = allowed, a
		}
	}
	if fault != nil {
		p.faults = slices.DeleteFunc(p.faults, func(a *armed) bool { return a == fault })
	}
	return n, fault
}

// strike executes the fault, after the bytes before it have been passed. It
// returns the result of copy.
func (l *link) strike(fault *armed) bool {
	switch fault.Kind {
	case Finish:
		close(fault.fired)
		return true
	case Hang:
		close(fault.fired)
		<-l.cut
	case Cut:
		l.reset()
		close(fault.fired)
	}
	return false
}

// wait waits while the direction is silent, and for the latency. It returns
// false if the connection ends.
func (l *link) wait(d Direction) bool {
	p := l.proxy
	for {
		p.mu.Lock()
		silent, latency, changed, closed := p.silent[d], p.latency, p.changed, p.closed
		p.mu.Unlock()
		if closed {
			return false
		}
		if !silent {
			return l.sleep(latency)
		}
		select {
		case <-changed:
		case <-l.cut:
			return false
		}
	}
}

// write writes bytes, in small parts if the bandwidth is bounded.
func (l *link) write(to net.Conn, next []byte) bool {
	const parts = 50 // a second
	for len(next) > 0 {
		l.proxy.mu.Lock()
		rate := l.proxy.rate
		l.proxy.mu.Unlock()
		part := next
		if rate > 0 {
			part = next[:min(len(next), max(1, rate/parts))]
		}
		if _, err := to.Write(part); err != nil {
			return false
		}
		next = next[len(part):]
		if rate > 0 && !l.sleep(time.Duration(len(part))*time.Second/time.Duration(rate)) {
			return false
		}
	}
	return true
}

// sleep returns false early if the link is reset.
func (l *link) sleep(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.cut:
		return false
	}
}
