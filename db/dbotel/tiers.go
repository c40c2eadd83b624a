package dbotel

import (
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/headrace/headrace/querycache"
)

// tierPoints are the points of the further tiers of all caches.
type tierPoints struct {
	reads, errors, gets, sets, raises, bytes, pending, down []metricdata.DataPoint[int64]
	time                                                    []metricdata.DataPoint[float64]
}

// add adds the figures of one tier of a cache with the given attributes.
func (t *tierPoints) add(p points, cache []attribute.KeyValue, s querycache.TierStats) {
	with := func(more ...attribute.KeyValue) attribute.Set {
		return attribute.NewSet(slices.Concat(cache, []attribute.KeyValue{attribute.String("headrace.cache.tier", s.Name)}, more)...)
	}
	outcome := attribute.Key("headrace.cache.tier.outcome")
	t.reads = append(t.reads, point(p, with(outcome.String("hit")), int64(s.Hits)),
		point(p, with(outcome.String("miss")), int64(s.Misses)), point(p, with(outcome.String("passed")), int64(s.Passed)))
	direction := attribute.Key("headrace.cache.tier.direction")
	t.bytes = append(t.bytes, point(p, with(direction.String("read")), int64(s.BytesRead)),
		point(p, with(direction.String("written")), int64(s.BytesWritten)))
	t.errors = append(t.errors, point(p, with(), int64(s.Errors)))
	t.gets = append(t.gets, point(p, with(), int64(s.Gets)))
	t.time = append(t.time, point(p, with(), s.Time.Seconds()))
	t.sets = append(t.sets, point(p, with(), int64(s.Sets)))
	t.raises = append(t.raises, point(p, with(), int64(s.Raises)))
	t.pending = append(t.pending, point(p, with(), int64(s.Pending)))
	down := int64(0)
	if s.Down {
		down = 1
	}
	t.down = append(t.down, point(p, with(), down))
}

// metrics returns the metrics, or none if no cache has further tiers.
func (t *tierPoints) metrics() []metricdata.Metrics {
	if len(t.reads) == 0 {
		return nil
	}
	return []metricdata.Metrics{
		counter("headrace.cache.tier.reads", "{read}", "Reads of a further tier by outcome: hit, miss, passed (the tier was down, or a raise was pending).", t.reads...),
		counter("headrace.cache.tier.errors", "{error}", "Failed calls of a further tier, and values that were damaged.", t.errors...),
		counter("headrace.cache.tier.gets", "{call}", "Successful calls of Get of a further tier.", t.gets...),
		counter("headrace.cache.tier.get_time", "s", "Time of the successful calls of Get of a further tier.", t.time...),
		counter("headrace.cache.tier.sets", "{value}", "Values stored in a further tier.", t.sets...),
		counter("headrace.cache.tier.raises", "{call}", "Successful raises of versions in a further tier.", t.raises...),
		counter("headrace.cache.tier.io", "By", "Bytes of values read from and written to a further tier.", t.bytes...),
		current("headrace.cache.tier.pending_raises", "{name}", "Names whose raise in a further tier has not succeeded yet.", t.pending...),
		current("headrace.cache.tier.down", "1", "1 while a further tier is passed over because its last call failed.", t.down...),
	}
}
