package replay

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// player is the client's end of a connection whose server is a recording.
type player struct {
	from *Recording

	mu       sync.Mutex
	wake     *sync.Cond // pending, closed, err or deadline has changed
	started  bool
	requests framer
	pending  [][]byte // responses that are unread; the first one in part
	closed   bool
	err      error
	deadline time.Time
}

func newPlayer(from *Recording) *player {
	c := &player{from: from}
	c.wake = sync.NewCond(&c.mu)
	return c
}

// Write takes requests and queues their responses.
func (c *player) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	if !c.started {
		c.started = true
		c.pending = append(c.pending, c.from.startup)
		c.wake.Broadcast()
		return len(p), nil
	}
	c.requests.add(p)
	for part := c.requests.next(endsRequest); part != nil; part = c.requests.next(endsRequest) {
		answer, ok := c.from.answer(part)
		if !ok {
			c.err = fmt.Errorf("replay: nothing recorded for the request %q", part)
			break
		}
		c.pending = append(c.pending, answer)
	}
	c.wake.Broadcast()
	return len(p), nil
}

// Read returns responses, and waits while there are none.
func (c *player) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.pending) == 0 {
		switch {
		case c.err != nil:
			return 0, c.err
		case c.closed:
			return 0, io.EOF
		case !c.deadline.IsZero() && !time.Now().Before(c.deadline):
			return 0, os.ErrDeadlineExceeded
		}
		c.wake.Wait()
	}
	n := copy(p, c.pending[0])
	if c.pending[0] = c.pending[0][n:]; len(c.pending[0]) == 0 {
		copy(c.pending, c.pending[1:])
		c.pending = c.pending[:len(c.pending)-1]
	}
	return n, nil
}

// Close ends the connection; a waiting Read returns io.EOF.
func (c *player) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.wake.Broadcast()
	return nil
}

// SetDeadline wakes a waiting Read when t is in the past, which is the one way
// in which pgx uses it: to break off when a context ends.
func (c *player) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	c.wake.Broadcast()
	return nil
}

// SetReadDeadline implements net.Conn.
func (c *player) SetReadDeadline(t time.Time) error { return c.SetDeadline(t) }

// SetWriteDeadline does nothing: Write never waits.
func (c *player) SetWriteDeadline(time.Time) error { return nil }

// LocalAddr implements net.Conn.
func (c *player) LocalAddr() net.Addr { return addr{} }

// RemoteAddr implements net.Conn.
func (c *player) RemoteAddr() net.Addr { return addr{} }

// addr is nowhere.
type addr struct{}

func (addr) Network() string { return "replay" }
func (addr) String() string  { return "replay" }
