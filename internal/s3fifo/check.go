package s3fifo

import (
	"errors"
	"fmt"
)

// Check returns an error that describes inconsistencies in the store. It is for
// tests and may be called at any time.
func (s *Store[T, V]) Check() error {
	var found []error
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.RLock()
		for _, problem := range sh.problems(s) {
			found = append(found, fmt.Errorf("shard %d: %s", i, problem))
		}
		sh.mu.RUnlock()
	}
	return errors.Join(found...)
}

// problems describes the inconsistencies of a shard. mu is held.
func (sh *shard[T, V]) problems(s *Store[T, V]) (found []string) {
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
			e := sh.at(slot)
			if e == nil {
				report("slot %d is empty", slot)
				return
			}
			if bytes += e.Bytes(); q == sh.small {
				smallBytes += e.Bytes()
			}
			if sh.queueOf(slot) != q {
				report("slot %d is in both queues", slot)
			}
			found = append(found, sh.misplaced(s, slot, e)...)
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

// misplaced says by which ways the entry in a slot is not found. mu is held.
func (sh *shard[T, V]) misplaced(s *Store[T, V], slot uint32, e *Entry[T, V]) (found []string) {
	report := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	tag := sh.slab.tags[slot]
	if at, ok := sh.slab.index.find(tag, e.sameKey); !ok || at != slot {
		report("the entry in slot %d is found in %d (%v)", slot, at, ok)
	}
	hash := s.Hash(&e.group.ID, []byte(e.Key()))
	if tagOf(hash) != tag || s.shard(hash) != sh {
		report("the entry in slot %d is not where its hash leads", slot)
	}
	if s.shard(hash).index.Load().get(tag, &e.group.ID, []byte(e.Key())) != e {
		report("the entry in slot %d is not found without a lock", slot)
	}
	return found
}
