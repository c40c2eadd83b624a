package rediscache

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/redis/rueidis"
)

// A clientSource returns the client of a store.
type clientSource interface {
	client() (rueidis.Client, error) // blocks while it connects
	close()
}

// sharedClient is a client that the program closes.
type sharedClient struct{ rueidis.Client }

func (c sharedClient) client() (rueidis.Client, error) { return c.Client, nil }
func (sharedClient) close()                            {}

// A connector makes a client when it is first needed. After an error the next
// call tries again. Concurrent calls share an attempt.
type connector struct {
	option rueidis.ClientOption
	closed context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	made    rueidis.Client // guarded by mu
	attempt *attempt       // guarded by mu; nil while there is none
}

type attempt struct {
	done   chan struct{} // closed when client and err are set
	client rueidis.Client
	err    error
}

func newConnector(option rueidis.ClientOption) *connector {
	c := &connector{option: option}
	c.closed, c.cancel = context.WithCancel(context.Background())
	dial := dialFunc(&option)
	c.option.DialCtxFn = func(ctx context.Context, address string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
		return c.dial(ctx, dial, address, d, t)
	}
	return c
}

func (c *connector) client() (rueidis.Client, error) {
	c.mu.Lock()
	if c.made != nil {
		defer c.mu.Unlock()
		return c.made, nil
	}
	a := c.attempt
	if a != nil {
		c.mu.Unlock()
		<-a.done
		return a.client, a.err
	}
	a = &attempt{done: make(chan struct{})}
	c.attempt = a
	c.mu.Unlock()

	a.client, a.err = c.connect()
	c.mu.Lock()
	c.attempt, c.made = nil, a.client
	c.mu.Unlock()
	close(a.done)
	return a.client, a.err
}

func (c *connector) connect() (rueidis.Client, error) {
	if c.closed.Err() != nil {
		return nil, errClosed
	}
	client, err := rueidis.NewClient(c.option)
	if errors.Is(err, rueidis.ErrNoCache) {
		err = trackingError{err}
	}
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return client, nil
}

// close closes the client and all connections, also those of an attempt.
func (c *connector) close() {
	c.cancel()
	c.mu.Lock()
	a := c.attempt
	c.mu.Unlock()
	if a != nil {
		<-a.done
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made != nil {
		c.made.Close()
	}
}

// dial dials a connection that ends when the connector is closed: the client
// itself waits for replies first.
func (c *connector) dial(ctx context.Context, dial dialCtxFn, address string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.closed, cancel)()
	conn, err := dial(ctx, address, d, t)
	if err != nil {
		return nil, err
	}
	return &closingConn{Conn: conn, stop: context.AfterFunc(c.closed, func() { _ = conn.Close() })}, nil
}

type closingConn struct {
	net.Conn
	stop func() bool
}

// Close closes the connection and forgets it.
func (c *closingConn) Close() error {
	c.stop()
	return c.Conn.Close()
}
