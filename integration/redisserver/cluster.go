//go:build unix

package redisserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// A Cluster is a Redis Cluster on loopback.
type Cluster struct {
	Primaries []*Server // each has an equal part of the slots
	Replicas  []*Server // of the primary with the same index
}

// ClusterOptions configures a cluster.
type ClusterOptions struct {
	Primaries int  // default: 3
	Replicas  bool // one for each primary
	Options        // of each server
}

const slots = 16384

// StartCluster starts a cluster, and waits until all nodes agree on it. It ends
// with its program.
func StartCluster(ctx context.Context, opts *ClusterOptions) (*Cluster, error) {
	o := ClusterOptions{}
	if opts != nil {
		o = *opts
	}
	if o.Primaries == 0 {
		o.Primaries = 3
	}
	settings := map[string]string{"cluster-enabled": "yes", "cluster-node-timeout": "2000"}
	maps.Copy(settings, o.Settings)
	o.Settings = settings

	c := &Cluster{}
	if err := c.start(ctx, &o); err != nil {
		return nil, fmt.Errorf("redisserver: start cluster: %w", errors.Join(err, c.Close()))
	}
	return c, nil
}

// Addrs returns the addresses of all nodes, primaries first.
func (c *Cluster) Addrs() (addrs []string) {
	for _, s := range c.servers() {
		addrs = append(addrs, s.Addr())
	}
	return addrs
}

// Close ends all nodes and removes their files.
func (c *Cluster) Close() error {
	var errs []error
	for _, s := range c.servers() {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

func (c *Cluster) servers() []*Server {
	return append(c.Primaries[:len(c.Primaries):len(c.Primaries)], c.Replicas...)
}

func (c *Cluster) start(ctx context.Context, o *ClusterOptions) error {
	for i := range o.Primaries {
		s, err := Start(ctx, &o.Options)
		if err != nil {
			return err
		}
		c.Primaries = append(c.Primaries, s)
		first, last := i*slots/o.Primaries, (i+1)*slots/o.Primaries-1
		if _, err := s.Do(ctx, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last)); err != nil {
			return err
		}
		// Nodes that begin with the same epoch need seconds to resolve that.
		if _, err := s.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1)); err != nil {
			return err
		}
	}
	for range o.Primaries {
		if !o.Replicas {
			break
		}
		s, err := Start(ctx, &o.Options)
		if err != nil {
			return err
		}
		c.Replicas = append(c.Replicas, s)
	}
	for _, s := range c.servers()[1:] {
		if _, err := s.Do(ctx, "CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(c.Primaries[0].port)); err != nil {
			return err
		}
	}
	if err := c.await(ctx, c.allKnown); err != nil {
		return err
	}
	for i, s := range c.Replicas {
		id, err := c.Primaries[i].Do(ctx, "CLUSTER", "MYID")
		if err != nil {
			return err
		}
		if _, err := s.Do(ctx, "CLUSTER", "REPLICATE", id); err != nil {
			return err
		}
	}
	return c.await(ctx, c.complete)
}

func (c *Cluster) await(ctx context.Context, condition func(ctx context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for !condition(ctx) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until the nodes agree: %w", ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

func (c *Cluster) allKnown(ctx context.Context) bool {
	return c.all(ctx, func(s *Server) bool {
		nodes, err := s.Do(ctx, "CLUSTER", "NODES")
		return err == nil && strings.Count(nodes, " connected") == len(c.servers()) && !strings.Contains(nodes, "handshake")
	})
}

// complete reports whether all nodes see all slots, and replicas are in step.
func (c *Cluster) complete(ctx context.Context) bool {
	return c.all(ctx, func(s *Server) bool {
		info, err := s.Do(ctx, "CLUSTER", "INFO")
		nodes, err2 := s.Do(ctx, "CLUSTER", "NODES")
		return err == nil && err2 == nil && strings.Contains(info, "cluster_state:ok") &&
			strings.Contains(info, "cluster_slots_ok:"+strconv.Itoa(slots)) && strings.Count(nodes, "slave") == len(c.Replicas)
	}) && c.inStep(ctx)
}

func (c *Cluster) inStep(ctx context.Context) bool {
	for _, s := range c.Replicas {
		if info, err := s.Do(ctx, "INFO", "replication"); err != nil || !strings.Contains(info, "master_link_status:up") {
			return false
		}
	}
	return true
}

func (c *Cluster) all(_ context.Context, condition func(s *Server) bool) bool {
	for _, s := range c.servers() {
		if !condition(s) {
			return false
		}
	}
	return true
}
