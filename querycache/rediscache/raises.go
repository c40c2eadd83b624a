package rediscache

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/redis/rueidis"
)

// raises tells functions of the invalidations of version keys.
type raises struct {
	mu  sync.Mutex
	fns []*func(names []string) // guarded by mu, replaced by each change
}

func (r *raises) add(fn func(names []string)) (stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fns = append(slices.Clip(r.fns), &fn)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.fns = slices.DeleteFunc(slices.Clone(r.fns), func(f *func([]string)) bool { return f == &fn })
	}
}

func (r *raises) tell(names []string) {
	r.mu.Lock()
	fns := r.fns
	r.mu.Unlock()
	for _, fn := range fns {
		(*fn)(slices.Clone(names)) // nil stays nil
	}
}

// install makes a client with options o report to r. The functions that o has
// are still called.
func (r *raises) install(o *rueidis.ClientOption, prefix string) {
	trackVersions(o, prefix)
	before := o.OnInvalidations
	o.OnInvalidations = func(keys []rueidis.RedisMessage) {
		r.invalidated(keys, prefix+versionPart)
		if before != nil {
			before(keys)
		}
	}
	// The client calls OnInvalidations(nil) some time after a connection is
	// lost, when a call may already use the next one. A new connection is
	// reported before it is used, and no earlier than the loss of what was sent
	// on an older one.
	dial := dialFunc(o)
	o.DialCtxFn = func(ctx context.Context, address string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
		conn, err := dial(ctx, address, d, t)
		if err == nil {
			r.tell(nil)
		}
		return conn, err
	}
}

func (r *raises) invalidated(keys []rueidis.RedisMessage, prefix string) {
	if keys == nil {
		r.tell(nil)
		return
	}
	var names []string
	for i := range keys {
		key, err := keys[i].ToString()
		if err != nil {
			r.tell(nil)
			return
		}
		if name, ok := strings.CutPrefix(key, prefix); ok {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		r.tell(names)
	}
}

type dialCtxFn = func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error)

// dialFunc returns the function with which a client of options o dials.
func dialFunc(o *rueidis.ClientOption) dialCtxFn {
	if o.DialCtxFn != nil {
		return o.DialCtxFn
	}
	if dial := o.DialFn; dial != nil { //nolint:staticcheck // deprecated, but programs may set it
		return func(_ context.Context, address string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
			return dial(address, d, t)
		}
	}
	return func(ctx context.Context, address string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
		if t != nil {
			return (&tls.Dialer{NetDialer: d, Config: t}).DialContext(ctx, "tcp", address)
		}
		return d.DialContext(ctx, "tcp", address)
	}
}
