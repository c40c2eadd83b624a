package wire

import (
	"net"
	"os"
	"sync"
	"time"
)

// A conn is the client's end of a connection. The goroutine that writes a
// message computes the response at once; there is no other goroutine.
type conn struct {
	session session

	mu       sync.Mutex
	ready    sync.Cond // of mu: there is something to read, or waiting is pointless
	out      [][]byte  // responses that the client has not read, the end of queue; guarded by mu
	queue    [][]byte  // guarded by mu
	deadline time.Time // for reads; guarded by mu
	closed   bool      // guarded by mu
}

func newConn(b *Backend) *conn {
	c := &conn{session: session{backend: b, prepared: make(map[string]*statement)}}
	c.ready.L = &c.mu
	return c
}

// Write processes messages of the client and queues the responses.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	if len(c.out) == 0 {
		c.out = c.queue[:0]
	}
	out, err := c.session.receive(p, c.out)
	if err != nil {
		return 0, err
	}
	c.out, c.queue = out, out
	c.ready.Broadcast()
	return len(p), nil
}

// Read waits for a response until the deadline.
func (c *conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.out) == 0 {
		switch {
		case c.closed:
			return 0, net.ErrClosed
		case !c.deadline.IsZero() && !time.Now().Before(c.deadline):
			return 0, os.ErrDeadlineExceeded
		}
		c.ready.Wait()
	}
	var n int
	for n < len(p) && len(c.out) > 0 {
		m := copy(p[n:], c.out[0])
		n += m
		if c.out[0] = c.out[0][m:]; len(c.out[0]) == 0 {
			c.out = c.out[1:]
		}
	}
	return n, nil
}

func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.ready.Broadcast()
	return nil
}

// SetReadDeadline ends a waiting Read when t has passed.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	c.ready.Broadcast()
	if wait := time.Until(t); !t.IsZero() && wait > 0 {
		time.AfterFunc(wait, c.ready.Broadcast)
	}
	return nil
}

func (c *conn) SetDeadline(t time.Time) error    { return c.SetReadDeadline(t) }
func (c *conn) SetWriteDeadline(time.Time) error { return nil }
func (c *conn) LocalAddr() net.Addr              { return address{} }
func (c *conn) RemoteAddr() net.Addr             { return address{} }

// address is the address of a Backend, which has none.
type address struct{}

func (address) Network() string { return "memory" }
func (address) String() string  { return "replay" }
