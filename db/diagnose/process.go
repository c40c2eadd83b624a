package diagnose

import (
	"fmt"
	"time"
)

// The bounds from which on findings about the process are reported.
const (
	busyCPU       = 0.85
	slowScheduler = 10 * time.Millisecond
	busyGC        = 0.10 // of the CPU time of the process
	minCPUForGC   = 0.20 // of what GOMAXPROCS allows
	fullHeap      = 0.80 // of the memory limit

	growthWindows    = 60 // at least
	growthParts      = 5
	growthFactor     = 1.5
	growthBytes      = 64 << 20
	growthGoroutines = 1000
)

// processBusy finds a lack of CPU time.
func (p *picture) processBusy() []Finding {
	slow := p.in(func(w *Window) bool { return w.Runtime.SchedLatencyP99 >= slowScheduler })
	late := slow > 0 && 2*slow >= len(p.windows)
	if p.cpu < busyCPU && !late || len(p.windows) == 0 {
		return nil
	}
	var latency time.Duration
	for i := range p.windows {
		latency = max(latency, p.windows[i].Runtime.SchedLatencyP99)
	}
	title := fmt.Sprintf("The process uses %s of its CPU time", percent(p.cpu))
	if p.cpu < busyCPU {
		title = fmt.Sprintf("Goroutines wait up to %v for a thread", rounded(latency))
	}
	last := p.windows[len(p.windows)-1].Runtime
	return []Finding{{
		Kind: ProcessBusy, Share: part(p.client, p.spent), Title: title,
		Evidence: fmt.Sprintf("CPU %s of GOMAXPROCS %d; the 99th percentile of the wait for a thread was %v or more in %d of %d windows, and at most %v. %s of the time of statements was spent in the program.",
			cpuText(p.cpu), last.MaxProcs, slowScheduler, slow, len(p.windows), rounded(latency), percent(part(p.client, p.total))),
		Do: "Take a CPU profile. Fetch fewer rows and columns, read with compiled statements, cache decoded values, or give the process more CPUs. If the CPU is not busy, look for a quota of the container below GOMAXPROCS, and for other processes on the machine.",
	}}
}

func cpuText(cpu float64) string {
	if cpu < 0 {
		return "unknown"
	}
	return percent(cpu)
}

// memoryShort finds a garbage collector that is too busy, and a heap that is
// close to the memory limit.
func (p *picture) memoryShort() []Finding {
	if len(p.windows) == 0 {
		return nil
	}
	var out []Finding
	var cycles, allocated uint64
	var pause time.Duration
	for i := range p.windows {
		r := &p.windows[i].Runtime
		cycles += r.GCCycles
		allocated += r.Allocated
		pause = max(pause, r.GCPauseMax)
	}
	r := p.windows[len(p.windows)-1].Runtime
	if p.gc >= busyGC && p.cpu >= minCPUForGC {
		out = append(out, Finding{
			Kind: MemoryShort, Share: min(p.gc, 1),
			Title:    fmt.Sprintf("The garbage collector takes %s of the CPU time", percent(p.gc)),
			Evidence: fmt.Sprintf("%d collections in %v; %s allocated; live heap %s; longest pause %v; CPU %s.", cycles, rounded(p.elapsed), byteSize(float64(allocated)), byteSize(float64(r.HeapLive)), rounded(pause), cpuText(p.cpu)),
			Do:       "Take a profile of allocations. Read smaller results, or one row at a time (Stmt.Each); raise GOGC or GOMEMLIMIT if memory is free.",
		})
	}
	if used := part(r.HeapLive, r.MemoryLimit); used >= fullHeap {
		out = append(out, Finding{
			Kind: MemoryShort, Share: min(p.gc, 1),
			Title:    fmt.Sprintf("The live heap takes %s of GOMEMLIMIT", percent(used)),
			Evidence: fmt.Sprintf("Live heap %s, limit %s, in use %s; the collector takes %s of the CPU time.", byteSize(float64(r.HeapLive)), byteSize(float64(r.MemoryLimit)), byteSize(float64(r.Memory)), percent(p.gc)),
			Do:       "Raise GOMEMLIMIT with the memory of the container, lower Options.MaxBytes of the caches, or read smaller results. As the heap reaches the limit, the collector runs all the time.",
		})
	}
	return out
}

// memoryGrowing finds a live heap or a number of goroutines that grows through
// all windows that are kept: its lowest value in each fifth of them exceeds
// that of the fifth before. The heap of caches is not counted.
func (p *picture) memoryGrowing() []Finding {
	var out []Finding
	heap := p.lowest(func(w *Window) float64 {
		cached := int64(0)
		for _, c := range w.Caches {
			cached += c.Bytes
		}
		return max(float64(w.Runtime.HeapLive)-float64(cached), 0)
	})
	span := time.Duration(0)
	for i := range p.all {
		span += p.all[i].elapsed()
	}
	if grows(heap, growthFactor, growthBytes) {
		out = append(out, Finding{
			Kind:     MemoryGrowing,
			Title:    "The live heap grows",
			Evidence: fmt.Sprintf("Without the caches, at least %s at the beginning of the last %v and %s at its end, and growing in each fifth.", byteSize(heap[0]), rounded(span), byteSize(heap[growthParts-1])),
			Do:       "Compare two heap profiles, some minutes apart, for what is added and never removed: maps, slices in package variables, goroutines that do not end.",
		})
	}
	if goroutines := p.lowest(func(w *Window) float64 { return float64(w.Runtime.Goroutines) }); grows(goroutines, growthFactor, growthGoroutines) {
		out = append(out, Finding{
			Kind:     MemoryGrowing,
			Title:    "The number of goroutines grows",
			Evidence: fmt.Sprintf("At least %.0f at the beginning of the last %v and %.0f at its end, and growing in each fifth.", goroutines[0], rounded(span), goroutines[growthParts-1]),
			Do:       "Take a goroutine profile: the stack with the most goroutines waits for something that does not happen, such as a channel that nothing reads, or a call without a deadline.",
		})
	}
	return out
}

// lowest returns the lowest value in each fifth of the windows that are kept,
// or nil if these are few.
func (p *picture) lowest(of func(*Window) float64) []float64 {
	if len(p.all) < growthWindows {
		return nil
	}
	out := make([]float64, growthParts)
	for i := range out {
		from, to := i*len(p.all)/growthParts, (i+1)*len(p.all)/growthParts
		out[i] = of(&p.all[from])
		for j := from + 1; j < to; j++ {
			out[i] = min(out[i], of(&p.all[j]))
		}
	}
	return out
}

// grows reports whether each value exceeds the one before, and the last one the
// first by a factor and by a number.
func grows(values []float64, factor, by float64) bool {
	for i := 1; i < len(values); i++ {
		if values[i] <= values[i-1] {
			return false
		}
	}
	return len(values) > 1 && values[len(values)-1] >= max(factor*values[0], values[0]+by)
}
