package replay

import (
	"bytes"
	"net"
	"sync"
)

// recorder is a connection to a server that listens to both directions.
type recorder struct {
	net.Conn
	into *Recording

	mu       sync.Mutex // pgx may read and write at once
	started  bool
	requests framer
	answers  framer
	asked    [][]byte // requests without a response yet
}

func (c *recorder) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.started { // the startup packet and passwords, which are not replayed
		return n, err
	}
	c.requests.add(p[:n])
	for part := c.requests.next(endsRequest); part != nil; part = c.requests.next(endsRequest) {
		c.asked = append(c.asked, bytes.Clone(part))
	}
	return n, err
}

func (c *recorder) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers.add(p[:n])
	for part := c.answers.next(endsAnswer); part != nil; part = c.answers.next(endsAnswer) {
		answer := bytes.Clone(part)
		switch {
		case !c.started:
			c.started = true
			c.into.keepStartup(answer)
		case len(c.asked) > 0:
			c.into.keep(c.asked[0], answer)
			c.asked = c.asked[1:]
		}
	}
	return n, err
}
