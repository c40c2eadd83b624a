package tiertest

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/headrace/headrace/querycache"
)

// A Memory is a store in memory for Tiers, with faults. Its Tiers share values
// and versions, as those of several processes do. It is safe for concurrent
// use.
type Memory struct {
	name string

	// Calls that change or read the store hold gate for reading. Losses hold it
	// for writing until all Tiers have been notified.
	gate sync.RWMutex

	mu       sync.Mutex
	state    memoryState                            // guarded by mu
	snapshot memoryState                            // guarded by mu
	faults   MemoryFaults                           // guarded by mu
	calls    map[*MemoryTier]map[int]func([]string) // listeners; guarded by mu
	next     int                                    // number of a listener; guarded by mu
}

// memoryState is what a snapshot contains.
type memoryState struct {
	values   map[string]memoryValue
	versions map[string]uint64
}

type memoryValue struct {
	data    []byte
	expires time.Time
}

func (s memoryState) clone() memoryState {
	return memoryState{maps.Clone(s.values), maps.Clone(s.versions)}
}

// MemoryFaults are the conditions of a [Memory]. The zero value is a store
// without faults.
type MemoryFaults struct {
	Down     bool          // calls fail, without effect
	ReadOnly bool          // Set and Raise fail, without effect
	Deaf     bool          // calls take effect, then fail
	Delay    time.Duration // of each call, half of it before it takes effect
	Damaged  int           // one in so many values is returned with other bytes; 0 for none
}

// NewMemory returns an empty store.
func NewMemory(name string) *Memory {
	m := &Memory{name: name, state: newMemoryState(), calls: make(map[*MemoryTier]map[int]func([]string))}
	m.snapshot = m.state.clone()
	return m
}

func newMemoryState() memoryState {
	return memoryState{make(map[string]memoryValue), make(map[string]uint64)}
}

// A MemoryTier is a [querycache.TierNotifier] on a [Memory].
type MemoryTier struct {
	store   *Memory
	missing bool // raises are not reported; guarded by store.mu
}

// Tier returns a Tier on the store, as another process would have it.
func (m *Memory) Tier() *MemoryTier { return &MemoryTier{store: m} }

// SetFaults replaces the conditions of the store.
func (m *Memory) SetFaults(f MemoryFaults) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = f
}

// Disconnect makes the Tier miss the raises of others, until Reconnect.
func (t *MemoryTier) Disconnect() { t.miss(true) }

// Reconnect ends Disconnect, and reports a loss before any call can read what
// the Tier has missed.
func (t *MemoryTier) Reconnect() {
	t.store.gate.Lock()
	defer t.store.gate.Unlock()
	t.miss(false)
	t.store.mu.Lock()
	var listeners []func([]string)
	for _, fn := range t.store.calls[t] {
		listeners = append(listeners, fn)
	}
	t.store.mu.Unlock()
	for _, fn := range listeners {
		fn(nil)
	}
}

func (t *MemoryTier) miss(missing bool) {
	t.store.mu.Lock()
	defer t.store.mu.Unlock()
	t.missing = missing
}

// Flush removes all values and versions.
func (m *Memory) Flush() { m.lose(func(s *memoryState) { *s = newMemoryState() }) }

// LoseVersions removes all versions.
func (m *Memory) LoseVersions() { m.lose(func(s *memoryState) { clear(s.versions) }) }

// Evict removes all values, and no version.
func (m *Memory) Evict() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.state.values)
}

// Save makes a snapshot of the store, which replaces the last one.
func (m *Memory) Save() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.snapshot = m.state.clone()
}

// Restore makes the store what it was at the last snapshot. Values that have
// expired since are not restored.
func (m *Memory) Restore() { m.lose(func(s *memoryState) { *s = m.snapshot.clone() }) }

// lose changes the state and reports a loss to all Tiers before any call can
// read the state.
func (m *Memory) lose(change func(s *memoryState)) {
	m.gate.Lock()
	defer m.gate.Unlock()
	m.mu.Lock()
	change(&m.state)
	m.mu.Unlock()
	m.report(nil, nil)
}

// report calls the listeners of all Tiers except one.
func (m *Memory) report(except *MemoryTier, names []string) {
	var listeners []func([]string)
	m.mu.Lock()
	for t, fns := range m.calls {
		if t != except && (names == nil || !t.missing) {
			for _, fn := range fns {
				listeners = append(listeners, fn)
			}
		}
	}
	m.mu.Unlock()
	for _, fn := range listeners {
		fn(names)
	}
}

var (
	errDown = errors.New("the store is down")
	errDeaf = errors.New("the connection was cut before the answer")
)

// call runs one call under the conditions of the store.
func (m *Memory) call(ctx context.Context, writes bool, do func()) error {
	m.mu.Lock()
	f := m.faults
	m.mu.Unlock()
	switch err := pause(ctx, f.Delay/2); {
	case err != nil:
		return err
	case f.Down || f.ReadOnly && writes:
		return errDown
	}
	m.gate.RLock()
	do()
	m.gate.RUnlock()
	if f.Deaf {
		return errDeaf
	}
	return pause(ctx, f.Delay-f.Delay/2)
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Name implements [querycache.Tier].
func (t *MemoryTier) Name() string { return t.store.name }

// Get implements [querycache.Tier].
func (t *MemoryTier) Get(ctx context.Context, key string, names []string) (v querycache.TierValue, err error) {
	err = t.store.call(ctx, false, func() { v = t.store.get(key, names) })
	if err != nil {
		return querycache.TierValue{}, err
	}
	return v, nil
}

func (m *Memory) get(key string, names []string) (v querycache.TierValue) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		if m.state.versions[name] == 0 {
			m.state.versions[name] = newVersion()
		}
		v.Versions = append(v.Versions, m.state.versions[name])
	}
	stored, ok := m.state.values[key]
	if v.TTL = time.Until(stored.expires); !ok || v.TTL <= 0 {
		v.TTL = 0
		return v
	}
	v.Value = stored.data
	if n := m.faults.Damaged; n > 0 && rand.IntN(n) == 0 && len(v.Value) > 0 {
		v.Value = damaged(v.Value)
	}
	return v
}

// damaged returns a copy of data with one other bit, or a part of it.
func damaged(data []byte) []byte {
	at := rand.IntN(len(data))
	if rand.IntN(4) == 0 {
		return data[:at]
	}
	data = bytes.Clone(data)
	data[at] ^= 1 << rand.IntN(8)
	return data
}

func newVersion() uint64 { return max(1, rand.Uint64()) }

// Set implements [querycache.Tier].
func (t *MemoryTier) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	v := memoryValue{append([]byte{}, value...), time.Now().Add(ttl)}
	return t.store.call(ctx, true, func() {
		t.store.mu.Lock()
		defer t.store.mu.Unlock()
		t.store.state.values[key] = v
	})
}

// Raise implements [querycache.Tier].
func (t *MemoryTier) Raise(ctx context.Context, names []string) error {
	return t.store.call(ctx, true, func() {
		t.store.mu.Lock()
		for _, name := range names {
			t.store.state.versions[name] = newVersion()
		}
		t.store.mu.Unlock()
		if len(names) > 0 {
			t.store.report(t, names)
		}
	})
}

// Notify implements [querycache.TierNotifier].
func (t *MemoryTier) Notify(fn func(names []string)) (stop func()) {
	m := t.store
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.next
	m.next++
	if m.calls[t] == nil {
		m.calls[t] = make(map[int]func([]string))
	}
	m.calls[t][n] = fn
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if delete(m.calls[t], n); len(m.calls[t]) == 0 {
			delete(m.calls, t)
		}
	}
}
