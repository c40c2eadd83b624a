package s3fifo

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// A testGroup and a testValue have the sizes of a cache's record and value.
type (
	testGroup struct{ Group[testGroup] }
	testValue struct {
		value any
		_     [2]uint64
	}
	testStore = Store[testGroup, testValue]
	testEntry = Entry[testGroup, testValue]
)

func newStore(maxBytes int64) *testStore { return New[testGroup, testValue](maxBytes) }

func newGroup(form uint64) *testGroup { return &testGroup{Group[testGroup]{ID: ID{1, 2, form, 4}}} }

func newEntry(g *testGroup, key []byte, value any, size int64) *testEntry {
	e, ok := NewEntry(&g.Group, string(key), testValue{value: value}, size)
	if !ok {
		panic("a size that cannot be charged")
	}
	return e
}

func keyOf(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

// hold sets the budget for n entries of the given size.
func hold(n int, size int64) int64 {
	return int64(n) * newEntry(newGroup(1), keyOf(1), nil, size).Bytes()
}

// check fails the test if the store is inconsistent.
func check(t *testing.T, s *testStore) {
	t.Helper()
	if err := s.Check(); err != nil {
		t.Error(err)
	}
}

func TestStoreAgainstAMap(t *testing.T) {
	for _, budget := range []int64{hold(1, 0), hold(100, 50), 4 * shardBytes} {
		t.Run(fmt.Sprint(budget), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(budget)))
			s := newStore(budget)
			groups := []*testGroup{newGroup(1), newGroup(2)}
			model := map[[2]uint64]int{} // the value put last, if it may be there
			hits := 0
			for i := range 60_000 {
				n, group := r.Uint64N(500), groups[r.IntN(2)]
				key, at := keyOf(n), [2]uint64{n, group.Form}
				hash := s.Hash(&group.ID, key)
				switch op := r.IntN(100); {
				case op < 60:
					e := s.Get(hash, &group.ID, key)
					if e == nil {
						continue
					}
					hits++
					if want, ok := model[at]; !ok || e.Value.value != want {
						t.Fatalf("step %d: got %v, want %v (%v)", i, e.Value.value, want, ok)
					}
				case op < 95:
					if s.Put(hash, newEntry(group, key, i, int64(r.IntN(300)))) {
						model[at] = i
					} else {
						delete(model, at)
					}
				case op < 98:
					if e := s.Peek(hash, &group.ID, key); e != nil {
						s.Remove(hash, e)
					}
					delete(model, at)
				case op < 99:
					s.SetBudget(budget/2 + r.Int64N(budget/2+1))
				case r.IntN(50) == 0:
					s.Clear()
					clear(model)
				}
			}
			check(t, s)
			if hits < 100 && budget > hold(10, 0) {
				t.Errorf("only %d hits: the test saw nothing", hits)
			}
		})
	}
}

func TestStoreComparesKeys(t *testing.T) {
	s := newStore(1 << 20)
	group, other := newGroup(1), newGroup(2)
	const hash = 42 // the same for all
	s.Put(hash, newEntry(group, keyOf(1), "alice", 0))
	if e := s.Get(hash, &group.ID, keyOf(1)); e == nil || e.Value.value != "alice" {
		t.Fatalf("got %v", e)
	}
	if e := s.Get(hash, &group.ID, keyOf(2)); e != nil {
		t.Errorf("another key with the same hash returned %v", e.Value.value)
	}
	if e := s.Get(hash, &other.ID, keyOf(1)); e != nil {
		t.Errorf("another statement with the same hash returned %v", e.Value.value)
	}
	s.Put(hash, newEntry(other, keyOf(1), "bob", 0))
	if e := s.Get(hash, &group.ID, keyOf(1)); e == nil || e.Value.value != "alice" {
		t.Errorf("once another of the same hash is there: %v", e)
	}
	s.Remove(hash, s.Peek(hash, &group.ID, keyOf(1)))
	if e := s.Get(hash, &other.ID, keyOf(1)); e == nil || e.Value.value != "bob" {
		t.Errorf("once another of the same hash was taken out: %v", e)
	}
}

func TestStoreRejectsLargeEntries(t *testing.T) {
	s := newStore(1 << 20)
	group, key := newGroup(1), keyOf(1)
	hash := s.Hash(&group.ID, key)
	s.Put(hash, newEntry(group, key, "small", 0))
	if s.Put(hash, newEntry(group, key, "big", 2<<20)) {
		t.Error("an entry of twice the budget was stored")
	}
	if e := s.Get(hash, &group.ID, key); e != nil {
		t.Errorf("the entry before it is still there: %v", e.Value.value)
	}
	for _, size := range []int64{1 << 40, -1} {
		if _, ok := NewEntry(&group.Group, "key", testValue{}, size); ok {
			t.Errorf("a size of %d was taken", size)
		}
	}
}

// Each goroutine puts and removes its own keys and reads all keys. It sees its
// own writes at once or no entry, and no value goes back.
func TestStoreUnderRace(t *testing.T) {
	const writers, keys = 4, 400
	s := newStore(hold(200, 0))
	group := newGroup(1)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(2, uint64(w)))
			var last [keys]uint64 // the newest value seen of each key; of its own, the one that is there, or 0
			for i := range uint64(20_000) {
				n := r.Uint64N(keys)
				own := n%writers == uint64(w)
				key := keyOf(n)
				hash := s.Hash(&group.ID, key)
				switch e := s.Get(hash, &group.ID, key); {
				case e == nil && own:
					last[n] = i + 1
					s.Put(hash, newEntry(group, key, last[n], 0))
				case e == nil:
				case own && e.Value.value != last[n]:
					t.Errorf("key %d has value %v, its only writer put %d", n, e.Value.value, last[n])
				case e.Value.value.(uint64) < last[n]:
					t.Errorf("key %d has value %v after %d", n, e.Value.value, last[n])
				case !own:
					last[n] = e.Value.value.(uint64)
				case i%5 == 0:
					s.Remove(hash, e)
					last[n] = 0
				case i%5 == 1:
					last[n] = i + 1
					s.Put(hash, newEntry(group, key, last[n], 0))
				}
				if i%5000 == 0 {
					s.SetBudget(hold(100+r.IntN(100), 0))
				}
				if i%7000 == 0 {
					s.Clear()
				}
			}
		})
	}
	wg.Wait()
	check(t, s)
}

// Words are found after collisions, also at the end of the table, and not after
// their removal.
func TestIndexAgainstAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	const places = 50
	ix := &index[testGroup, testValue]{words: make([]atomic.Uint64, places), slots: make([]atomic.Pointer[testEntry], places)}
	for i := range ix.slots {
		ix.slots[i].Store(newEntry(newGroup(1), keyOf(uint64(i)), nil, 0))
	}
	in := map[uint32]uint32{} // tag by slot
	for range 20_000 {
		slot := r.Uint32N(places)
		tag, ok := in[slot]
		switch {
		case ok:
			ix.remove(word(tag, slot))
			delete(in, slot)
		case len(in) < places-1:
			tag = r.Uint32N(4) << 30 // few, so that many have the same
			if r.IntN(2) == 0 {
				tag = r.Uint32() | 0xF000_0000 // in the last places
			}
			ix.add(word(tag, slot))
			in[slot] = tag
		}
		for i := range uint32(places) {
			_, want := in[i]
			e := ix.slots[i].Load()
			if got, ok := ix.find(in[i], func(one *testEntry) bool { return one == e }); ok != want || ok && got != i {
				t.Fatalf("slot %d is found as %d (%v), want %v", i, got, ok, want)
			}
		}
	}
}

// One pass over many keys does not evict keys that are used often.
func TestStoreResistsScans(t *testing.T) {
	s := newStore(hold(1000, 0))
	group := newGroup(1)
	ask := func(n uint64) bool {
		key := keyOf(n)
		hash := s.Hash(&group.ID, key)
		if s.Get(hash, &group.ID, key) != nil {
			return true
		}
		s.Put(hash, newEntry(group, key, n, 0))
		return false
	}
	for range 5 {
		for n := range uint64(500) {
			ask(n)
		}
	}
	for n := range uint64(20_000) {
		ask(1_000_000 + n)
	}
	hits := 0
	for n := range uint64(500) {
		if ask(n) {
			hits++
		}
	}
	if hits < 450 {
		t.Errorf("after a scan %d of 500 keys in steady use are left", hits)
	}
}

// The hit ratio on a Zipf distribution and under scans is compared with LRU.
func TestStoreHitRatio(t *testing.T) {
	ratio := func(ask func(uint64) bool, scans bool) float64 {
		r := rand.New(rand.NewPCG(3, 3))
		z := rand.NewZipf(r, 1.01, 1, 20_000-1)
		hits, all, next := 0, 0, uint64(1<<40)
		for i := range 120_000 {
			hit := ask(z.Uint64())
			if i >= 40_000 {
				all++
				if hit {
					hits++
				}
			}
			if scans {
				ask(next)
				ask(next + 1)
				next += 2
			}
		}
		return float64(hits) / float64(all)
	}
	for _, scans := range []bool{false, true} {
		s := newStore(hold(1000, 0))
		group := newGroup(1)
		got := ratio(func(n uint64) bool {
			key := keyOf(n)
			hash := s.Hash(&group.ID, key)
			if s.Get(hash, &group.ID, key) != nil {
				return true
			}
			s.Put(hash, newEntry(group, key, n, 0))
			return false
		}, scans)
		lru, _ := simplelru.NewLRU[uint64, bool](1000, nil)
		least := ratio(func(n uint64) bool {
			_, ok := lru.Get(n)
			lru.Add(n, true)
			return ok
		}, scans)
		t.Logf("scans %v: %.3f, LRU %.3f", scans, got, least)
		if got < least+0.04 {
			t.Errorf("scans %v: %.3f of the reads hit, %.3f with LRU", scans, got, least)
		}
	}
}

func TestStoreGetDoesNotAllocate(t *testing.T) {
	s := newStore(1 << 20)
	group, key := newGroup(1), keyOf(1)
	s.Put(s.Hash(&group.ID, key), newEntry(group, key, 1, 0))
	if n := testing.AllocsPerRun(100, func() { s.Get(s.Hash(&group.ID, key), &group.ID, key) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The accounted bytes are within a tenth of the live heap.
func TestStoreAccount(t *testing.T) {
	for _, n := range []int{3000, 9000, 17_000, 120_000, 140_000} {
		before := heapBytes()
		s := newStore(hold(n, 0))
		group := newGroup(1)
		for i := range uint64(2 * n) {
			key := keyOf(i)
			e := newEntry(group, key, nil, 0)
			s.Put(s.Hash(&group.ID, key), e)
			if i%2 == 0 {
				e.use()
			}
		}
		used, u := heapBytes()-before, s.Usage()
		t.Logf("%d entries: %d bytes of heap each, %d accounted", u.Entries, used/int64(u.Entries), u.Bytes/int64(u.Entries))
		if ratio := float64(used) / float64(u.Bytes); ratio < 0.9 || ratio > 1.1 {
			t.Errorf("%d entries: heap %d, account %d: %.2f", u.Entries, used, u.Bytes, ratio)
		}
		runtime.KeepAlive(s)
	}
}

// Gaps from entries that are removed out of order do not increase the heap.
func TestStoreAccountAfterRemove(t *testing.T) {
	const n = 50_000
	before := heapBytes()
	s, group, r := newStore(hold(2*n, 0)), newGroup(1), rand.New(rand.NewPCG(8, 8))
	for i := range uint64(10 * n) {
		key := keyOf(r.Uint64N(n))
		hash := s.Hash(&group.ID, key)
		if e := s.Peek(hash, &group.ID, key); e != nil && i%2 == 0 {
			s.Remove(hash, e)
		}
		s.Put(hash, newEntry(group, key, nil, 0))
	}
	check(t, s)
	used, u := heapBytes()-before, s.Usage()
	t.Logf("%d entries: %d bytes of heap each, %d accounted", u.Entries, used/int64(u.Entries), u.Bytes/int64(u.Entries))
	if used > u.Bytes*11/10 {
		t.Errorf("%d entries: heap %d, account %d", u.Entries, used, u.Bytes)
	}
	runtime.KeepAlive(s)
}

func heapBytes() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A store that shrinks frees the memory of its indexes, and still finds its
// entries.
func TestStoreShrinks(t *testing.T) {
	const n = 100_000
	group := newGroup(1)
	before := heapBytes()
	s := newStore(hold(n, 0))
	for i := range uint64(n) {
		key := keyOf(i)
		s.Put(s.Hash(&group.ID, key), newEntry(group, key, nil, 0))
	}
	s.SetBudget(hold(n/20, 0))
	used, u := heapBytes()-before, s.Usage()
	t.Logf("%d entries, heap %d, account %d", u.Entries, used, u.Bytes)
	if used > u.Bytes*5/4+32<<10 {
		t.Errorf("%d entries are left, accounted with %d bytes: the heap has %d", u.Entries, u.Bytes, used)
	}
	found := 0
	for i := range uint64(n) {
		key := keyOf(i)
		if s.Get(s.Hash(&group.ID, key), &group.ID, key) != nil {
			found++
		}
	}
	if found != u.Entries {
		t.Errorf("%d of %d entries are found", found, u.Entries)
	}
	check(t, s)
	s.Clear()
	if used := heapBytes() - before; used > 64<<10 {
		t.Errorf("an empty store has %d bytes", used)
	}
	runtime.KeepAlive(s)
}

func TestGhosts(t *testing.T) {
	var g ghosts
	if g.take(1) {
		t.Error("an empty table remembers")
	}
	r := rand.New(rand.NewPCG(4, 4))
	g.fit(10_000)
	hashes := make([]uint32, 30_000)
	for i := range hashes {
		hashes[i] = r.Uint32()
		g.add(hashes[i])
	}
	recent, old := 0, 0
	for i, h := range hashes {
		if g.has(h) {
			if i >= 20_000 {
				recent++
			} else {
				old++
			}
		}
	}
	if recent < 8_000 || old > 100 {
		t.Errorf("remembers %d of the last 10,000 and %d of the 20,000 before", recent, old)
	}
	if h := hashes[len(hashes)-1]; !g.take(h) || g.take(h) {
		t.Error("the last one is not taken exactly once")
	}
}

func BenchmarkStoreGet(b *testing.B) {
	for _, n := range []int{64, 200_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := newStore(hold(2*n, 0))
			group := newGroup(1)
			order := rand.New(rand.NewPCG(5, 5)).Perm(n)
			for _, i := range order {
				key := keyOf(uint64(i))
				s.Put(s.Hash(&group.ID, key), newEntry(group, key, i, 0))
			}
			var key [8]byte
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				if i++; i == n {
					i = 0
				}
				binary.LittleEndian.PutUint64(key[:], uint64(order[i]))
				if s.Get(s.Hash(&group.ID, key[:]), &group.ID, key[:]) == nil {
					b.Fatal("miss")
				}
			}
		})
	}
}

// Keys of all lengths, in their entry or outside it, are returned unchanged.
func TestKeysOfAnyLength(t *testing.T) {
	for n := range 400 {
		key := strings.Repeat("k", n)
		e := withKey[testGroup, testValue](key)
		for range 5 {
			e.use()
		}
		e.forgetUse()
		if got := e.Key(); got != key || e.uses() != maxUses-1 {
			t.Fatalf("a key of %d bytes: %q, %d uses", n, got, e.uses())
		}
	}
}
