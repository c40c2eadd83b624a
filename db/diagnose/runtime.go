package diagnose

import (
	"math"
	"runtime/metrics"
	"slices"
	"time"
)

// Runtime holds the figures of the process in a window. The runtime estimates
// the CPU time of the garbage collector, and updates it at the end of each
// collection.
type Runtime struct {
	// At the end of the window.

	HeapLive    uint64 // bytes that the last collection found in use
	HeapGoal    uint64 // bytes at which the next collection ends
	Memory      uint64 // bytes that count against MemoryLimit
	MemoryLimit uint64 // GOMEMLIMIT; 0 if there is none
	Resident    uint64 // resident memory; 0 where the system does not report it
	Goroutines  int
	MaxProcs    int // GOMAXPROCS

	// During the window.

	CPU             float64       // CPU time of the process, divided by what MaxProcs allows; -1 if unknown
	GCCPU           float64       // CPU time of the collector, divided by that of the process; 0 in windows without a collection
	GCCycles        uint64        // collections that ended
	GCPauseMax      time.Duration // of the pauses for the collector, to a power of two
	GCPauseP99      time.Duration
	SchedLatencyP99 time.Duration // of the time that goroutines that could run waited for a thread
	Allocated       uint64        // bytes
}

// A processReading holds the figures of the process at one time, most of them
// since it began.
type processReading struct {
	heapLive, heapGoal, memory, limit, resident uint64
	goroutines, maxProcs                        int

	cpu               time.Duration // of the process; -1 if unknown
	gcCPU, usedCPU    float64       // seconds, by the runtime's estimate
	cycles, allocated uint64
	pauses, latencies runtimeHistogram
}

// The metrics that are read, in the order of sampleNames.
const (
	sHeapLive = iota
	sHeapGoal
	sLimit
	sMapped
	sReleased
	sGoroutines
	sMaxProcs
	sGCCPU
	sGCIdleCPU
	sAllCPU
	sIdleCPU
	sCycles
	sAllocated
	sPauses
	sLatencies

	sampleCount
)

var sampleNames = [sampleCount]string{
	sHeapLive: "/gc/heap/live:bytes", sHeapGoal: "/gc/heap/goal:bytes", sLimit: "/gc/gomemlimit:bytes",
	sMapped: "/memory/classes/total:bytes", sReleased: "/memory/classes/heap/released:bytes",
	sGoroutines: "/sched/goroutines:goroutines", sMaxProcs: "/sched/gomaxprocs:threads",
	sGCCPU: "/cpu/classes/gc/total:cpu-seconds", sGCIdleCPU: "/cpu/classes/gc/mark/idle:cpu-seconds",
	sAllCPU: "/cpu/classes/total:cpu-seconds", sIdleCPU: "/cpu/classes/idle:cpu-seconds",
	sCycles: "/gc/cycles/total:gc-cycles", sAllocated: "/gc/heap/allocs:bytes",
	sPauses: "/sched/pauses/total/gc:seconds", sLatencies: "/sched/latencies:seconds",
}

// readProcess reads the runtime's metrics and asks the system. A metric that a
// later runtime lacks counts as 0.
func readProcess() processReading {
	var samples [sampleCount]metrics.Sample
	for i := range samples {
		samples[i].Name = sampleNames[i]
	}
	metrics.Read(samples[:])
	number := func(i int) uint64 {
		if samples[i].Value.Kind() == metrics.KindUint64 {
			return samples[i].Value.Uint64()
		}
		return 0
	}
	seconds := func(i int) float64 {
		if samples[i].Value.Kind() == metrics.KindFloat64 {
			return samples[i].Value.Float64()
		}
		return 0
	}
	out := processReading{
		heapLive: number(sHeapLive), heapGoal: number(sHeapGoal), memory: minus(number(sMapped), number(sReleased)),
		goroutines: int(number(sGoroutines)), maxProcs: int(number(sMaxProcs)),
		gcCPU: seconds(sGCCPU) - seconds(sGCIdleCPU), usedCPU: seconds(sAllCPU) - seconds(sIdleCPU),
		cycles: number(sCycles), allocated: number(sAllocated),
		pauses: histogramOf(samples[sPauses].Value), latencies: histogramOf(samples[sLatencies].Value),
		cpu: processCPU(), resident: residentMemory(),
	}
	if limit := number(sLimit); limit < math.MaxInt64 {
		out.limit = limit
	}
	return out
}

// since returns the figures of the window between two readings.
func (r *processReading) since(earlier *processReading, elapsed time.Duration) Runtime {
	pauses, latencies := r.pauses.since(earlier.pauses), r.latencies.since(earlier.latencies)
	out := Runtime{
		HeapLive: r.heapLive, HeapGoal: r.heapGoal, Memory: r.memory, MemoryLimit: r.limit, Resident: r.resident,
		Goroutines: r.goroutines, MaxProcs: r.maxProcs,
		CPU:        -1,
		GCCPU:      part(r.gcCPU-earlier.gcCPU, r.usedCPU-earlier.usedCPU),
		GCCycles:   minus(r.cycles, earlier.cycles),
		GCPauseMax: pauses.quantile(1), GCPauseP99: pauses.quantile(0.99),
		SchedLatencyP99: latencies.quantile(0.99),
		Allocated:       minus(r.allocated, earlier.allocated),
	}
	if r.cpu >= 0 && earlier.cpu >= 0 && elapsed > 0 && r.maxProcs > 0 {
		out.CPU = max(0, (r.cpu-earlier.cpu).Seconds()/elapsed.Seconds()/float64(r.maxProcs))
	}
	return out
}

// A runtimeHistogram is a copy of a histogram of the runtime's, which adds to
// its own.
type runtimeHistogram struct {
	counts  []uint64
	buckets []float64 // borders, in seconds: one more than counts; shared with the runtime, which does not change them
}

func histogramOf(v metrics.Value) runtimeHistogram {
	if v.Kind() != metrics.KindFloat64Histogram {
		return runtimeHistogram{}
	}
	h := v.Float64Histogram()
	return runtimeHistogram{slices.Clone(h.Counts), h.Buckets}
}

// since returns what was added to earlier.
func (h runtimeHistogram) since(earlier runtimeHistogram) runtimeHistogram {
	if len(h.counts) != len(earlier.counts) {
		return h
	}
	out := runtimeHistogram{slices.Clone(h.counts), h.buckets}
	for i, n := range earlier.counts {
		out.counts[i] = minus(out.counts[i], n)
	}
	return out
}

// quantile returns the upper border of the bucket in which the share q of the
// durations ends, or the lower one if the bucket has no upper; 0 if there are
// no durations.
func (h runtimeHistogram) quantile(q float64) time.Duration {
	var total, seen uint64
	for _, n := range h.counts {
		total += n
	}
	if total == 0 {
		return 0
	}
	rank := max(uint64(math.Ceil(q*float64(total))), 1)
	for i, n := range h.counts {
		if seen += n; seen >= rank {
			at := h.buckets[i+1]
			if math.IsInf(at, 1) {
				at = max(h.buckets[i], 0)
			}
			return time.Duration(at * float64(time.Second))
		}
	}
	return 0
}

// minus returns a-b, and 0 if that is negative.
func minus(a, b uint64) uint64 { return a - min(a, b) }
