package faultproxy

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"
)

// Proxy accepts connections and passes their bytes to and from the server. It
// is safe for concurrent use. Its conditions also apply to open connections.
type Proxy struct {
	target   string
	listener net.Listener
	running  sync.WaitGroup // the accepting goroutine, and two for each connection

	mu       sync.Mutex // guards the fields below; not held during I/O
	closed   bool
	refusing bool
	latency  time.Duration
	rate     int // bytes per second in each direction; 0 is no bound
	silent   [2]bool
	changed  chan struct{} // closed and replaced when a condition changes
	faults   []*armed
	links    map[*link]struct{}
	accepted int
}

// armed is a fault that has not occurred yet.
type armed struct {
	Fault
	fired chan struct{} // closed when it has occurred
}

// Start returns a proxy to target, a host:port. It listens on a free port of
// the loopback address.
func Start(target string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start a proxy to %s: %w", target, err)
	}
	p := &Proxy{
		target:   target,
		listener: listener,
		changed:  make(chan struct{}),
		links:    make(map[*link]struct{}),
	}
	p.running.Go(p.accept)
	return p, nil
}

// Addr returns the host:port at which the proxy listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// ConnString returns a connection URL with its host and port replaced by those
// of the proxy.
func (p *Proxy) ConnString(direct string) (string, error) {
	u, err := url.Parse(direct)
	if err != nil {
		return "", fmt.Errorf("proxy a connection string: %w", err)
	}
	u.Host = p.Addr()
	return u.String(), nil
}

// Accepted returns the number of connections since Start.
func (p *Proxy) Accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// Close closes the proxy and its connections, and waits for its goroutines.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.broadcast()
	p.mu.Unlock()
	err := p.listener.Close()
	p.CutAll()
	p.running.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		if !p.open(client) {
			reset(client)
		}
	}
}

// open connects a client to the server, unless connections are refused.
func (p *Proxy) open(client net.Conn) bool {
	p.mu.Lock()
	p.accepted++
	refuse := p.refusing || p.closed
	p.mu.Unlock()
	if refuse {
		return false
	}
	server, err := net.DialTimeout("tcp", p.target, 5*time.Second)
	if err != nil {
		return false
	}
	l := &link{proxy: p, client: client, server: server, cut: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		reset(server)
		return false
	}
	p.links[l] = struct{}{}
	p.running.Go(func() { l.pass(ToServer, client, server) })
	p.running.Go(func() { l.pass(ToClient, server, client) })
	return true
}

// broadcast wakes goroutines that wait for a change of conditions. mu is held.
func (p *Proxy) broadcast() {
	close(p.changed)
	p.changed = make(chan struct{})
}
