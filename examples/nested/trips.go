package main

import (
	"context"
	"net"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"
)

// trips counts round trips on the connections. A round trip is a write followed
// by a read.
type trips struct{ n atomic.Int64 }

// through returns a dial function that counts the round trips of its
// connections.
func (t *trips) through(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &countedConn{Conn: conn, trips: &t.n}, nil
	}
}

type countedConn struct {
	net.Conn
	trips *atomic.Int64
	asked atomic.Bool // whether there was a write since the last read
}

func (c *countedConn) Write(b []byte) (int, error) {
	c.asked.Store(true)
	return c.Conn.Write(b)
}

func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && c.asked.Swap(false) {
		c.trips.Add(1)
	}
	return n, err
}
