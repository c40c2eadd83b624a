package querycache

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/headrace/headrace/internal/rowscan/replay"
)

// A tierRead is the part of one load that concerns the further tiers.
type tierRead struct {
	cache        *Cache
	flight       *flight
	dependencies *dependencies // that names come from
	key          string
	names        []string
	digest       uint64             // of names
	versions     [maxTiers][]uint64 // by tier, from before the load; nil where the tier was passed over

	found    *found // in a tier
	rejected bool   // a value that was found could not be decoded
	expired  *found // older than the policy allows, for when the load fails

	content []byte // of the load's result
	kind    storedKind
	empty   bool // the result has no rows, or is that there is none
	rows    int
	keep    bool // content is complete
}

// A found is a value found in a tier.
type found struct {
	stored *stored
	data   []byte
	tier   int
	begun  int64 // when its load began, on the cache's clock, or earlier
	rows   *replay.Recording
}

// get reads the tiers in their order until one has a valid value that the
// policy allows.
func (t *tierRead) get(ctx context.Context, usable func(f *found) bool) *found {
	for i, l := range t.cache.tiers {
		begun := t.cache.clock.now()
		v, ok := l.get(ctx, t.key, t.names)
		if !ok {
			continue
		}
		t.versions[i] = v.Versions
		f := t.decode(l, i, v, begun)
		if f == nil || !usable(f) {
			t.missed(l, i)
			continue
		}
		switch why := t.flight.record.tierAge(f, t.cache.clock.now()); {
		case why == Hit || why == HitStale && !t.flight.refresh:
			t.flight.served, t.flight.tier = HitTier, i
			if why == HitStale {
				t.flight.served = HitStale
			}
			t.flight.begun = f.begun
			t.found = f
			l.hits.Add(1)
			t.flight.record.tierCounts[i].hits.Add(1)
			return f
		case why == HitOnError && t.expired == nil:
			t.expired = f
		}
		t.missed(l, i)
	}
	return nil
}

func (t *tierRead) missed(l *tierLink, i int) {
	l.misses.Add(1)
	t.flight.record.tierCounts[i].misses.Add(1)
}

// decode returns the value that a tier has for the read, or nil if it has none
// that is valid.
func (t *tierRead) decode(l *tierLink, i int, v TierValue, begun int64) *found {
	if v.Value == nil {
		return nil
	}
	s, err := decodeStored(t.key, v.Value)
	if err != nil {
		l.count(err)
		return nil
	}
	if s.names != t.digest || !slices.Equal(s.in(l.name), v.Versions) || len(v.Versions) == 0 {
		return nil
	}
	return &found{stored: s, data: v.Value, tier: i, begun: begun - int64(max(0, s.life-v.TTL))}
}

// tierAge returns Hit for a value that is not older than the policy allows,
// HitStale and HitOnError for one that may be used in these cases, and
// MissExpired otherwise.
func (r *record) tierAge(f *found, now int64) Reason {
	ttl := r.policy.ttl(f.isEmpty())
	if ttl < 0 {
		return Hit
	}
	switch age := time.Duration(now - f.begun); {
	case age < ttl:
		return Hit
	case age < ttl+r.policy.StaleFor:
		return HitStale
	case age < ttl+r.policy.StaleIfError:
		return HitOnError
	}
	return MissExpired
}

// isEmpty reports whether the value is that there is nothing.
func (f *found) isEmpty() bool {
	return f.stored.kind == storedNone || f.rows != nil && f.rows.Len() == 0
}

// reject discards the value that was found. The load asks the server then.
func (t *tierRead) reject() {
	t.rejected, t.found, t.expired = true, nil, nil
	t.flight.served = none
	t.cache.tiers[t.flight.tier].count(errRejected)
}

var errRejected = errors.New("the value does not fit the type that is read")

// store stores the result of the load in the tiers, and a value that was found
// in a tier in those before it. It is called after the flight has ended.
func (t *tierRead) store() {
	f := t.flight
	if t.dependencies != f.dependencies {
		return
	}
	switch {
	case t.found != nil:
		t.fillUpwards()
	case f.notStored == none && f.served == none && t.keep:
		t.fill()
	}
}

// fill stores the result of the load.
func (t *tierRead) fill() {
	f, p := t.flight, t.flight.record.policy
	if p.MaxBytes > 0 && int64(len(t.content)) > p.MaxBytes || p.MaxRows > 0 && t.rows > p.MaxRows {
		return
	}
	life := longestLife
	if ttl := p.ttl(t.empty); ttl >= 0 {
		life = min(life, p.shortened(ttl)+max(p.StaleFor, p.StaleIfError))
	}
	s := stored{kind: t.kind, life: life.Truncate(time.Millisecond), names: t.digest, content: t.content}
	for i, l := range t.cache.tiers {
		if t.versions[i] != nil {
			s.versions = append(s.versions, tierVersions{l.name, t.versions[i]})
		}
	}
	if len(s.versions) == 0 {
		return
	}
	data := s.encode(t.key)
	for i, l := range t.cache.tiers {
		if t.versions[i] != nil {
			l.set(t.cache.ctx, t.key, t.names, data, s.life-time.Duration(t.cache.clock.now()-f.begun))
		}
	}
}

// fillUpwards stores the value that was found in the tiers before, if it was
// loaded after their last raise, too.
func (t *tierRead) fillUpwards() {
	for i, l := range t.cache.tiers[:t.found.tier] {
		if v := t.versions[i]; v != nil && slices.Equal(v, t.found.stored.in(l.name)) {
			l.set(t.cache.ctx, t.key, t.names, t.found.data, t.found.stored.life-time.Duration(t.cache.clock.now()-t.found.begun))
		}
	}
}
