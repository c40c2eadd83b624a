package querycache

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

// check fails the test unless the store's books are right.
func (s *store) check(t testing.TB) {
	t.Helper()
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.RLock()
		for _, problem := range sh.problems(s) {
			t.Errorf("shard %d: %s", i, problem)
		}
		sh.mu.RUnlock()
	}
}

// problems says what is wrong with a shard. mu is held.
func (sh *shard) problems(s *store) (found []string) {
	report := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	var bytes, smallBytes int64
	queued, runs := 0, len(sh.slab.free)
	for _, q := range []*queue{sh.small, sh.main} {
		runs += q.runs.Len()
		if q.last != noRun && !q.runs.Contains(q.last) {
			report("the queue's last run %d is not in it", q.last)
		}
		sh.slab.each(q, func(slot uint32) {
			queued++
			e, tag := sh.at(slot), sh.slab.tags[slot]
			if e == nil {
				report("slot %d is empty", slot)
				return
			}
			if bytes += e.bytes(); q == sh.small {
				smallBytes += e.bytes()
			}
			if sh.queueOf(slot) != q {
				report("slot %d is in both queues", slot)
			}
			if at, ok := sh.slab.index.find(tag, e.sameKey); !ok || at != slot {
				report("the entry in slot %d is found in %d (%v)", slot, at, ok)
			}
			hash := s.hash(&e.record.identity, []byte(e.key()))
			if tagOf(hash) != tag || s.shard(hash) != sh {
				report("the entry in slot %d is not where its hash leads", slot)
			}
			if s.shard(hash).index.Load().get(tag, &e.record.identity, []byte(e.key())) != e {
				report("the entry in slot %d is not found without a lock", slot)
			}
		})
	}
	if runs != len(sh.slab.used) {
		report("%d of %d runs are free or in a queue", runs, len(sh.slab.used))
	}
	if sh.bytes != bytes || sh.smallBytes != smallBytes || sh.entries != queued || bytes > sh.budget {
		report("account %d, %d and %d, entries have %d, %d and %d of %d",
			sh.bytes, sh.smallBytes, sh.entries, bytes, smallBytes, queued, sh.budget)
	}
	words, slots := 0, 0
	for i := range sh.slab.index.words {
		if sh.slab.index.words[i].Load() != 0 {
			words++
		}
	}
	for i := range sh.slab.index.slots {
		if sh.at(uint32(i)) != nil {
			slots++
		}
	}
	if words != queued || slots != queued || queued > sh.slab.room {
		report("%d words and %d slots for %d entries, room for %d", words, slots, queued, sh.slab.room)
	}
	if len(sh.ghosts.slots) > int(sh.ghosts.limit)*9/8+ghostBucket {
		report("%d ghosts of %d", len(sh.ghosts.slots), sh.ghosts.limit)
	}
	return found
}

func testRecord(form uint64) *record { return &record{identity: identity{1, 2, form, 4}} }

func testEntry(rec *record, key []byte, value any, size int64) *entry {
	e := newEntry(string(key))
	e.record, e.value, e.expires = rec, value, never
	e.size, _ = charge(len(key), size)
	return e
}

func keyOf(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

// hold makes the store big enough for n entries of the given size.
func hold(n int, size int64) int64 {
	units, _ := charge(8, size)
	return int64(n) * int64(units) * sizeUnit
}

func TestStoreAgainstAMap(t *testing.T) {
	for _, budget := range []int64{hold(1, 0), hold(100, 50), 4 * shardBytes} {
		t.Run(fmt.Sprint(budget), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(budget)))
			s := newStore(budget)
			recs := []*record{testRecord(1), testRecord(2)}
			model := map[[2]uint64]int{} // what was put last, if it may be there
			hits := 0
			for i := range 60_000 {
				n, rec := r.Uint64N(500), recs[r.IntN(2)]
				key, at := keyOf(n), [2]uint64{n, rec.form}
				hash := s.hash(&rec.identity, key)
				switch op := r.IntN(100); {
				case op < 60:
					e := s.get(hash, &rec.identity, key)
					if e == nil {
						continue
					}
					hits++
					if want, ok := model[at]; !ok || e.value != want {
						t.Fatalf("step %d: got %v, want %v (%v)", i, e.value, want, ok)
					}
				case op < 95:
					if s.put(hash, testEntry(rec, key, i, int64(r.IntN(300)))) {
						model[at] = i
					} else {
						delete(model, at)
					}
				case op < 98:
					if e := s.peek(hash, &rec.identity, key); e != nil {
						s.remove(hash, e)
					}
					delete(model, at)
				case op < 99:
					s.setBudget(budget/2 + r.Int64N(budget/2+1))
				case r.IntN(50) == 0:
					s.clear()
					clear(model)
				}
			}
			s.check(t)
			if hits < 100 && budget > hold(10, 0) {
				t.Errorf("only %d hits: the test saw nothing", hits)
			}
		})
	}
}

func TestStoreComparesKeys(t *testing.T) {
	s := newStore(1 << 20)
	rec, other := testRecord(1), testRecord(2)
	const hash = 42 // the same for all
	s.put(hash, testEntry(rec, keyOf(1), "alice", 0))
	if e := s.get(hash, &rec.identity, keyOf(1)); e == nil || e.value != "alice" {
		t.Fatalf("got %v", e)
	}
	if e := s.get(hash, &rec.identity, keyOf(2)); e != nil {
		t.Errorf("another key of the same hash was answered with %v", e.value)
	}
	if e := s.get(hash, &other.identity, keyOf(1)); e != nil {
		t.Errorf("another statement of the same hash was answered with %v", e.value)
	}
	s.put(hash, testEntry(other, keyOf(1), "bob", 0))
	if e := s.get(hash, &rec.identity, keyOf(1)); e == nil || e.value != "alice" {
		t.Errorf("once another of the same hash is there: %v", e)
	}
	s.remove(hash, s.peek(hash, &rec.identity, keyOf(1)))
	if e := s.get(hash, &other.identity, keyOf(1)); e == nil || e.value != "bob" {
		t.Errorf("once another of the same hash was taken out: %v", e)
	}
}

func TestStoreRefusesWhatIsTooBig(t *testing.T) {
	s := newStore(1 << 20)
	rec, key := testRecord(1), keyOf(1)
	hash := s.hash(&rec.identity, key)
	s.put(hash, testEntry(rec, key, "small", 0))
	if s.put(hash, testEntry(rec, key, "big", 2<<20)) {
		t.Error("an entry of twice the budget was stored")
	}
	if e := s.get(hash, &rec.identity, key); e != nil {
		t.Errorf("the entry before it is still there: %v", e.value)
	}
	if _, ok := charge(8, 1<<40); ok {
		t.Error("a size that does not fit its field was taken")
	}
}

// Each goroutine puts and removes keys of its own and reads everybody's. It sees
// its own writes at once, or nothing, and nobody's values go back.
func TestStoreUnderRace(t *testing.T) {
	const writers, keys = 4, 400
	s := newStore(hold(200, 0))
	rec := testRecord(1)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(2, uint64(w)))
			var last [keys]uint64 // the newest value seen of each key; of its own, the one that is there, or 0
			for i := range uint64(20_000) {
				n := r.Uint64N(keys)
				own := n%writers == uint64(w)
				key := keyOf(n)
				hash := s.hash(&rec.identity, key)
				switch e := s.get(hash, &rec.identity, key); {
				case e == nil && own:
					last[n] = i + 1
					s.put(hash, testEntry(rec, key, last[n], 0))
				case e == nil:
				case own && e.value != last[n]:
					t.Errorf("key %d has value %v, its only writer put %d", n, e.value, last[n])
				case e.value.(uint64) < last[n]:
					t.Errorf("key %d has value %v after %d", n, e.value, last[n])
				case !own:
					last[n] = e.value.(uint64)
				case i%5 == 0:
					s.remove(hash, e)
					last[n] = 0
				case i%5 == 1:
					last[n] = i + 1
					s.put(hash, testEntry(rec, key, last[n], 0))
				}
				if i%5000 == 0 {
					s.setBudget(hold(100+r.IntN(100), 0))
				}
				if i%7000 == 0 {
					s.clear()
				}
			}
		})
	}
	wg.Wait()
	s.check(t)
}

// Words are found wherever others have to give way, at the end of the table too,
// and no longer once they were removed.
func TestIndexAgainstAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	const places = 50
	ix := &index{words: make([]atomic.Uint64, places), slots: make([]atomic.Pointer[entry], places)}
	for i := range ix.slots {
		ix.slots[i].Store(newEntry(fmt.Sprint(i)))
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
			if got, ok := ix.find(in[i], func(one *entry) bool { return one == e }); ok != want || ok && got != i {
				t.Fatalf("slot %d is found as %d (%v), want %v", i, got, ok, want)
			}
		}
	}
}

// One pass over many keys must not push out those that are asked for often.
func TestStoreResistsScans(t *testing.T) {
	s := newStore(hold(1000, 0))
	rec := testRecord(1)
	ask := func(n uint64) bool {
		key := keyOf(n)
		hash := s.hash(&rec.identity, key)
		if s.get(hash, &rec.identity, key) != nil {
			return true
		}
		s.put(hash, testEntry(rec, key, n, 0))
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

// The ratio of hits on Zipf's law and under scans, held against what LRU gets.
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
		rec := testRecord(1)
		got := ratio(func(n uint64) bool {
			key := keyOf(n)
			hash := s.hash(&rec.identity, key)
			if s.get(hash, &rec.identity, key) != nil {
				return true
			}
			s.put(hash, testEntry(rec, key, n, 0))
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
	rec, key := testRecord(1), keyOf(1)
	s.put(s.hash(&rec.identity, key), testEntry(rec, key, 1, 0))
	if n := testing.AllocsPerRun(100, func() { s.get(s.hash(&rec.identity, key), &rec.identity, key) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The bytes accounted are within a tenth of those that the heap has.
func TestStoreAccount(t *testing.T) {
	for _, n := range []int{3000, 9000, 17_000, 120_000, 140_000} {
		before := heapBytes()
		s := newStore(hold(n, 0))
		rec := testRecord(1)
		for i := range uint64(2 * n) {
			key := keyOf(i)
			e := testEntry(rec, key, nil, 0)
			s.put(s.hash(&rec.identity, key), e)
			if i%2 == 0 {
				e.use()
			}
		}
		used, u := heapBytes()-before, s.usage()
		t.Logf("%d entries: %d bytes of heap each, %d accounted", u.entries, used/int64(u.entries), u.bytes/int64(u.entries))
		if ratio := float64(used) / float64(u.bytes); ratio < 0.9 || ratio > 1.1 {
			t.Errorf("%d entries: heap %d, account %d: %.2f", u.entries, used, u.bytes, ratio)
		}
		runtime.KeepAlive(s)
	}
}

// Nor do the gaps cost more that entries leave which are dropped out of order.
func TestStoreAccountOfDrops(t *testing.T) {
	const n = 50_000
	before := heapBytes()
	s, rec, r := newStore(hold(2*n, 0)), testRecord(1), rand.New(rand.NewPCG(8, 8))
	for i := range uint64(10 * n) {
		key := keyOf(r.Uint64N(n))
		hash := s.hash(&rec.identity, key)
		if e := s.peek(hash, &rec.identity, key); e != nil && i%2 == 0 {
			s.remove(hash, e)
		}
		s.put(hash, testEntry(rec, key, nil, 0))
	}
	s.check(t)
	used, u := heapBytes()-before, s.usage()
	t.Logf("%d entries: %d bytes of heap each, %d accounted", u.entries, used/int64(u.entries), u.bytes/int64(u.entries))
	if used > u.bytes*11/10 {
		t.Errorf("%d entries: heap %d, account %d", u.entries, used, u.bytes)
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

// A store that had to shrink gives back the memory by which it found what it
// had, and finds what it has.
func TestStoreShrinks(t *testing.T) {
	const n = 100_000
	rec := testRecord(1)
	before := heapBytes()
	s := newStore(hold(n, 0))
	for i := range uint64(n) {
		key := keyOf(i)
		s.put(s.hash(&rec.identity, key), testEntry(rec, key, nil, 0))
	}
	s.setBudget(hold(n/20, 0))
	used, u := heapBytes()-before, s.usage()
	t.Logf("%d entries, heap %d, account %d", u.entries, used, u.bytes)
	if used > u.bytes*5/4+32<<10 {
		t.Errorf("%d entries are left, accounted with %d bytes: the heap has %d", u.entries, u.bytes, used)
	}
	found := 0
	for i := range uint64(n) {
		key := keyOf(i)
		if s.get(s.hash(&rec.identity, key), &rec.identity, key) != nil {
			found++
		}
	}
	if found != u.entries {
		t.Errorf("%d of %d entries are found", found, u.entries)
	}
	s.check(t)
	s.clear()
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
			rec := testRecord(1)
			order := rand.New(rand.NewPCG(5, 5)).Perm(n)
			for _, i := range order {
				key := keyOf(uint64(i))
				s.put(s.hash(&rec.identity, key), testEntry(rec, key, i, 0))
			}
			var key [8]byte
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				if i++; i == n {
					i = 0
				}
				binary.LittleEndian.PutUint64(key[:], uint64(order[i]))
				if s.get(s.hash(&rec.identity, key[:]), &rec.identity, key[:]) == nil {
					b.Fatal("miss")
				}
			}
		})
	}
}

// A key lies in its entry, or beside it, and is what it was.
func TestKeysOfAnyLength(t *testing.T) {
	for n := range 400 {
		key := strings.Repeat("k", n)
		e := newEntry(key)
		for range 5 {
			e.use()
		}
		e.forgetUse()
		if got := e.key(); got != key || e.uses() != maxUses-1 {
			t.Fatalf("a key of %d bytes: %q, %d uses", n, got, e.uses())
		}
	}
}
