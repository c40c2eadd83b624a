package profile

import "runtime/metrics"

// allocations are those of the whole process since it began.
type allocations struct{ objects, bytes uint64 }

func readAllocations() allocations {
	samples := [2]metrics.Sample{{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(samples[:])
	return allocations{samples[0].Value.Uint64(), samples[1].Value.Uint64()}
}

func (a allocations) since(earlier allocations) allocations {
	return allocations{a.objects - earlier.objects, a.bytes - earlier.bytes}
}
