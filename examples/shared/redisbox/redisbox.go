// Package redisbox gives an example a Redis: the one at an address, or one that
// it starts.
package redisbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/headrace/headrace/querycache/rediscache"
)

// Local is the address for which Open starts a server.
const Local = "local"

// A Server is a Redis server that Open has started.
type Server interface {
	Addr() string
	Kill()                           // ends it as a crash would
	Start(ctx context.Context) error // starts it again, at its address and empty
	Close() error
}

// A Box is a Redis for one run, which may also be used by other programs.
type Box struct {
	Address string // host:port, or a URL such as redis://user:password@host:6379/0
	Prefix  string // of all keys of this run
	Server  Server // nil if Open has not started one
}

// Open returns the Redis at the address, or starts one for [Local]. It fails if
// Redis cannot be reached or refuses.
func Open(ctx context.Context, example, address string) (*Box, error) {
	b := &Box{Address: address, Prefix: fmt.Sprintf("headrace-%s-%08x:", example, rand.Uint32())}
	if address == Local {
		server, err := start(ctx)
		if err != nil {
			return nil, err
		}
		b.Server, b.Address = server, server.Addr()
	}
	err := b.try(ctx)
	if err != nil && b.Server != nil {
		err = errors.Join(err, b.Server.Close())
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

// Name returns the address without user and password.
func (b *Box) Name() string {
	opts, err := Options(b.Address, b.Prefix)
	if err != nil {
		return "Redis"
	}
	return strings.Join(opts.Client.InitAddress, ",")
}

// Options returns the options of a tier on the Redis at the address.
func Options(address, prefix string) (rediscache.Options, error) {
	option := rueidis.ClientOption{InitAddress: []string{address}}
	if strings.Contains(address, "://") {
		parsed, err := rueidis.ParseURL(address)
		if err != nil {
			return rediscache.Options{}, fmt.Errorf("the address of Redis: %w", err)
		}
		option = parsed
	} else if _, _, err := net.SplitHostPort(address); err != nil {
		return rediscache.Options{}, fmt.Errorf("the address of Redis is %q, want host:port, a URL or %q", address, Local)
	}
	return rediscache.Options{Client: option, Prefix: prefix}, nil
}

// try stores and removes a version.
func (b *Box) try(ctx context.Context) error {
	opts, err := Options(b.Address, b.Prefix)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tier, err := rediscache.New(ctx, opts)
	if err != nil {
		return err
	}
	defer tier.Close()
	return tier.Raise(ctx, nil)
}

// Close stops the server if Open has started it, and otherwise removes the keys
// of this run.
func (b *Box) Close(ctx context.Context) error {
	if b.Server != nil {
		return b.Server.Close()
	}
	opts, err := Options(b.Address, b.Prefix)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	client, err := rueidis.NewClient(opts.Client)
	if err != nil {
		return fmt.Errorf("remove the keys %s* of Redis: %w", b.Prefix, err)
	}
	defer client.Close()
	for _, node := range client.Nodes() {
		if err := removeKeys(ctx, client, node, b.Prefix); err != nil {
			return fmt.Errorf("remove the keys %s* of Redis: %w", b.Prefix, err)
		}
	}
	return nil
}

// removeKeys removes the keys with the prefix that a node has.
func removeKeys(ctx context.Context, client, node rueidis.Client, prefix string) error {
	for cursor := uint64(0); ; {
		found, err := node.Do(ctx, node.B().Scan().Cursor(cursor).Match(prefix+"*").Count(1000).Build()).AsScanEntry()
		if err != nil {
			return err
		}
		for _, key := range found.Elements {
			if err := client.Do(ctx, client.B().Del().Key(key).Build()).Error(); err != nil {
				return err
			}
		}
		if cursor = found.Cursor; cursor == 0 {
			return nil
		}
	}
}
