package netmeter

import (
	"context"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/headrace/headrace/internal/clock"
)

// A Conn is a measured connection.
type Conn struct {
	net.Conn
	bytes atomic.Int64
	time  atomic.Int64 // nanoseconds
}

// A DialFunc opens a connection, as pgconn.DialFunc does.
type DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// Dial returns a function that opens measured connections by dial.
func Dial(dial DialFunc) DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &Conn{Conn: conn}, nil
	}
}

// Of returns the measured connection that conn is, or that a TLS connection
// runs on; nil if there is none.
func Of(conn net.Conn) *Conn {
	for {
		switch c := conn.(type) {
		case *Conn:
			return c
		case interface{ NetConn() net.Conn }: // as *tls.Conn
			conn = c.NetConn()
		default:
			return nil
		}
	}
}

// Read implements [net.Conn].
func (c *Conn) Read(p []byte) (int, error) {
	from := clock.Now()
	n, err := c.Conn.Read(p)
	c.add(n, from)
	return n, err
}

// mayBlock is the size from which on a write may have to wait until the other
// side reads; a shorter one fits in the buffers of the system.
const mayBlock = 16 << 10

// Write implements [net.Conn].
func (c *Conn) Write(p []byte) (int, error) {
	if len(p) < mayBlock {
		n, err := c.Conn.Write(p)
		c.bytes.Add(int64(n))
		return n, err
	}
	from := clock.Now()
	n, err := c.Conn.Write(p)
	c.add(n, from)
	return n, err
}

func (c *Conn) add(n int, from time.Duration) {
	c.bytes.Add(int64(n))
	c.time.Add(int64(clock.Now() - from))
}

// Figures returns the bytes read and written so far, and the time that reads
// and long writes took. The receiver may be nil.
func (c *Conn) Figures() Figures {
	if c == nil {
		return Figures{}
	}
	return Figures{Bytes: c.bytes.Load(), Time: time.Duration(c.time.Load())}
}

// Figures are the counts of a connection.
type Figures struct {
	Bytes int64
	Time  time.Duration
}

// Since returns what was added to earlier.
func (f Figures) Since(earlier Figures) Figures {
	return Figures{Bytes: f.Bytes - earlier.Bytes, Time: f.Time - earlier.Time}
}

// NetConn returns the connection that is measured.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// SyscallConn returns the raw connection, for programs that set socket options.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	if raw, ok := c.Conn.(syscall.Conn); ok {
		return raw.SyscallConn()
	}
	return nil, syscall.EINVAL
}
