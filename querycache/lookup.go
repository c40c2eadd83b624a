package querycache

import (
	"context"
	"time"

	"github.com/headrace/headrace/internal/profile"
)

// hit returns the fresh entry of a read, or nil. It is the hot path.
func (c *Cache) hit(hash uint64, id *identity, key []byte) *entry {
	e := c.store.Get(hash, id, key)
	if e == nil || !e.Of().current(e.Value.stamp, e.Key()) {
		return nil
	}
	if e.Value.expires != never && c.clock.now() >= e.Value.expires {
		return nil
	}
	return e
}

// refusal returns why reads bypass the cache now, or none.
func (c *Cache) refusal(ctx context.Context) Reason {
	off := c.off.Load()
	switch {
	case off&offClosed != 0:
		return RefusedClosed
	case off&offSuspended != 0:
		return Suspended
	case bypassed(ctx):
		return Bypassed
	}
	return none
}

// find returns the entry of a read with Hit or HitStale, or why the read
// misses. With MissExpired it returns the expired entry. It never returns an
// invalidated entry.
func (c *Cache) find(r *record, hash uint64, key []byte) (*entry, Reason) {
	e := c.store.Peek(hash, &r.ID, key)
	switch {
	case e == nil && c.store.WasEvicted(hash):
		return nil, MissEvicted
	case e == nil:
		return nil, MissCold
	case e.Of() != r || !r.current(e.Value.stamp, e.Key()):
		return nil, MissInvalidated
	case e.Value.expires == never:
		return e, Hit
	}
	age := c.clock.now() - e.Value.expires
	switch {
	case age < 0:
		return e, Hit
	case age < int64(r.policy.StaleFor):
		return e, HitStale
	}
	return e, MissExpired
}

// invalidate removes the entry of one read. The result of its load under way is
// not stored.
func (c *Cache) invalidate(id *identity, key []byte) {
	hash := c.store.Hash(id, key)
	c.flights.invalidate(hash)
	if e := c.store.Peek(hash, id, key); e != nil {
		c.store.Remove(hash, e)
	}
}

// count counts a lookup and reports it to Options.OnLookup.
func (c *Cache) count(ctx context.Context, r *record, why Reason, begun time.Time, hint uintptr) {
	r.counts.add(why, hint)
	profile.From(ctx).Lookup(why.Answered(), r.recorder())
	if c.opts.OnLookup == nil {
		return
	}
	l := Lookup{Name: r.label, Reason: why}
	if !begun.IsZero() {
		l.Took = time.Since(begun)
	}
	c.opts.OnLookup(ctx, l)
}
