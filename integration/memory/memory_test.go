package memory_test

import (
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headrace/headrace/integration/internal/soak"
)

// TestMemoryStaysFlat runs a program in rounds. Nothing is under way between
// rounds, so the memory in use then is what the library retains. It must not
// grow after the first third of the rounds, in which caches fill.
func TestMemoryStaysFlat(t *testing.T) {
	const rounds = 15
	calls, limit := int64(soak.Count(100, math.MaxInt)), soak.Time(t, 15*time.Second)/rounds
	p := newProgram(t)
	t.Logf("%d texts made up, then %+v", filled, p.measure(t))
	samples := make([]sample, rounds)
	for round := range samples {
		done := p.work(t, calls, limit)
		samples[round] = p.measure(t)
		t.Logf("round %d: %d calls, then %+v", round, done, samples[round])
	}
	before, after := most(samples[rounds/3:rounds*2/3]), most(samples[rounds*2/3:])
	if after.heap > before.heap+before.heap/10+1<<20 {
		t.Errorf("%d bytes in use, before %d", after.heap, before.heap)
	}
	if after.goroutines > before.goroutines+maxConns { // goroutines of closed connections may not have ended yet
		t.Errorf("%d goroutines, before %d", after.goroutines, before.goroutines)
	}
}

// work runs a number of tasks, or as many as the time allows.
func (p *program) work(t *testing.T, calls int64, limit time.Duration) (done int64) {
	const workers = 4
	deadline := time.Now().Add(limit)
	var begun atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for !t.Failed() && time.Now().Before(deadline) && begun.Add(1) <= calls {
				task := p.tasks[rand.IntN(len(p.tasks))]
				if err := task.do(t.Context()); err != nil {
					t.Errorf("%s: %v", task.name, err)
				}
			}
		})
	}
	group.Wait()
	return min(begun.Load(), calls)
}

// sample is the memory and the goroutines in use between two rounds.
type sample struct {
	heap       uint64 // bytes
	goroutines int
}

// measure flushes all writers and closes the connections with their state, and
// returns a sample.
func (p *program) measure(t *testing.T) sample {
	t.Helper()
	if err := p.writer.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	pool := p.pg.Pool()
	for deadline := time.Now().Add(30 * time.Second); pool.Stat().TotalConns() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are still open", pool.Stat().TotalConns())
		}
		pool.Reset()
	}
	runtime.GC()
	runtime.GC() // frees objects of finalizers and pools
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return sample{stats.HeapAlloc, runtime.NumGoroutine()}
}

func most(samples []sample) (m sample) {
	for _, s := range samples {
		m.heap = max(m.heap, s.heap)
		m.goroutines = max(m.goroutines, s.goroutines)
	}
	return m
}
