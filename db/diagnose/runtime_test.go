package diagnose

import (
	"math"
	"runtime"
	"testing"
	"time"
)

func TestProcessReading(t *testing.T) {
	first := readProcess()
	began := time.Now()
	for time.Since(began) < 50*time.Millisecond { // uses CPU time
	}
	runtime.GC()
	second := readProcess()
	r := second.since(&first, time.Since(began))
	if r.Goroutines < 1 || r.MaxProcs != runtime.GOMAXPROCS(0) || r.HeapLive == 0 || r.HeapGoal == 0 || r.Memory == 0 || r.GCCycles == 0 || r.GCPauseMax == 0 || r.GCPauseP99 > r.GCPauseMax {
		t.Errorf("read %+v", r)
	}
	if runtime.GOOS == "linux" && (r.CPU <= 0 || r.Resident == 0) {
		t.Errorf("on Linux: CPU %v, resident %d", r.CPU, r.Resident)
	}
	if r.GCCPU <= 0 || r.GCCPU > 1 { // the collector has run
		t.Errorf("the share of the collector is %v", r.GCCPU)
	}
}

func TestRuntimeSince(t *testing.T) {
	first := processReading{cpu: time.Second, maxProcs: 4, gcCPU: 1, usedCPU: 10, cycles: 5, allocated: 100}
	second := processReading{cpu: 3 * time.Second, maxProcs: 4, gcCPU: 2, usedCPU: 14, cycles: 7, allocated: 350, heapLive: 9, limit: 11}
	r := second.since(&first, time.Second)
	if r.CPU != 0.5 || r.GCCPU != 0.25 || r.GCCycles != 2 || r.Allocated != 250 || r.HeapLive != 9 || r.MemoryLimit != 11 {
		t.Errorf("the window is %+v", r)
	}
	second.cpu = -1
	if r := second.since(&first, time.Second); r.CPU != -1 {
		t.Errorf("the CPU is %v, want unknown", r.CPU)
	}
	if r := first.since(&second, 0); r.CPU != -1 || r.GCCycles != 0 || r.GCCPU != 0 {
		t.Errorf("going back: %+v", r)
	}
}

func TestRuntimeHistogram(t *testing.T) {
	h := runtimeHistogram{[]uint64{0, 90, 9, 1}, []float64{math.Inf(-1), 0.001, 0.002, 0.003, math.Inf(1)}}
	for q, want := range map[float64]time.Duration{0: 2 * time.Millisecond, 0.5: 2 * time.Millisecond, 0.95: 3 * time.Millisecond, 1: 3 * time.Millisecond} {
		if got := h.quantile(q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if got := h.since(h).quantile(1); got != 0 {
		t.Errorf("the maximum of nothing is %v", got)
	}
	if got := h.since(runtimeHistogram{}).quantile(0.95); got != 3*time.Millisecond {
		t.Errorf("since the beginning: %v", got)
	}
}
