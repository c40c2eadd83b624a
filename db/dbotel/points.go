package dbotel

import (
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/dbconv"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// points makes the points of one collection.
type points struct {
	*Producer
	now time.Time
}

func (p points) statements(series map[key]figures) []metricdata.Metrics {
	var duration []metricdata.HistogramDataPoint[float64]
	var errors, rows, bytes []metricdata.DataPoint[int64]
	var wait, network []metricdata.DataPoint[float64]
	for k, f := range series {
		attrs := slices.Concat(p.database, []attribute.KeyValue{semconv.DBQuerySummary(k.statement)})
		if k.fingerprint != "" {
			attrs = append(attrs, attribute.String("headrace.fingerprint", k.fingerprint))
		}
		set := attribute.NewSet(attrs...)
		duration = append(duration, p.histogram(set, f.counts, f.total))
		rows = append(rows, point(p, set, f.rows))
		bytes = append(bytes, point(p, set, f.bytes))
		wait = append(wait, point(p, set, f.wait.Seconds()))
		network = append(network, point(p, set, f.network.Seconds()))
		for class, n := range f.errors {
			failed := attribute.NewSet(slices.Concat(attrs, []attribute.KeyValue{semconv.ErrorTypeKey.String(class)})...)
			errors = append(errors, point(p, failed, n))
		}
	}
	operation := dbconv.ClientOperationDuration{}
	return []metricdata.Metrics{
		histogram(operation.Name(), operation.Unit(), operation.Description(), duration...),
		counter("headrace.statement.errors", "{error}", "Failed statements.", errors...),
		counter("headrace.statement.rows", "{row}", "Rows that statements returned or affected.", rows...),
		counter("headrace.statement.bytes", "By", "Bytes that connections carried for statements, in both directions.", bytes...),
		counter("headrace.statement.wait_time", "s", "Time for which statements waited for a connection.", wait...),
		counter("headrace.statement.network_time", "s", "Part of the duration on the network and in the server.", network...),
	}
}

func (p points) connections(stats db.Stats) []metricdata.Metrics {
	set := attribute.NewSet(p.pool...)
	state := func(s attribute.KeyValue) attribute.Set {
		return attribute.NewSet(slices.Concat(p.pool, []attribute.KeyValue{s})...)
	}
	number, most, idleMost, idleLeast := dbconv.ClientConnectionCount{}, dbconv.ClientConnectionMax{}, dbconv.ClientConnectionIdleMax{}, dbconv.ClientConnectionIdleMin{}
	pending, timeouts, wait := dbconv.ClientConnectionPendingRequests{}, dbconv.ClientConnectionTimeouts{}, dbconv.ClientConnectionWaitTime{}
	limit := point(p, set, int64(stats.Pool.MaxConns()))
	return []metricdata.Metrics{
		current(number.Name(), number.Unit(), number.Description(),
			point(p, state(semconv.DBClientConnectionStateUsed), int64(stats.Pool.AcquiredConns())),
			point(p, state(semconv.DBClientConnectionStateIdle), int64(stats.Pool.IdleConns()))),
		current(most.Name(), most.Unit(), most.Description(), limit),
		current(idleMost.Name(), idleMost.Unit(), idleMost.Description(), limit),
		current(idleLeast.Name(), idleLeast.Unit(), idleLeast.Description(), point(p, set, p.idleMin)),
		current(pending.Name(), pending.Unit(), pending.Description(), point(p, set, stats.Waits.Waiting)),
		counter(timeouts.Name(), timeouts.Unit(), timeouts.Description(), point(p, set, stats.Pool.CanceledAcquireCount())),
		histogram(wait.Name(), wait.Unit(), wait.Description(), p.histogram(set, countsOf(stats.Waits.Times, p.bounds), stats.Waits.Total)),
	}
}

func (p points) lookups() []metricdata.Metrics {
	var lookups, entries, bytes, budget, evictions, loads []metricdata.DataPoint[int64]
	var tiers tierPoints
	for name, cache := range p.caches {
		if cache == nil {
			continue
		}
		stats := cache.Stats()
		attrs := slices.Concat(p.common, []attribute.KeyValue{attribute.String("headrace.cache.name", name)})
		set := attribute.NewSet(attrs...)
		for reason := querycache.Hit; reason.String() != "unknown"; reason++ { // also those that did not occur yet
			why := attribute.NewSet(slices.Concat(attrs, []attribute.KeyValue{reasonKey.String(reason.String())})...)
			lookups = append(lookups, point(p, why, int64(stats.Lookups[reason])))
		}
		entries = append(entries, point(p, set, int64(stats.Entries)))
		bytes = append(bytes, point(p, set, stats.Bytes))
		budget = append(budget, point(p, set, stats.Budget))
		evictions = append(evictions, point(p, set, int64(stats.Evicted)))
		loads = append(loads, point(p, set, int64(stats.Flights)))
		for _, s := range stats.Tiers {
			tiers.add(p, attrs, s)
		}
	}
	return append([]metricdata.Metrics{
		counter("headrace.cache.lookups", "{lookup}", "Lookups by outcome.", lookups...),
		current("headrace.cache.entries", "{entry}", "Entries in the cache.", entries...),
		current("headrace.cache.usage", "By", "Bytes that the cache uses.", bytes...),
		current("headrace.cache.budget", "By", "Bytes that the cache may use now.", budget...),
		counter("headrace.cache.evictions", "{entry}", "Entries that were evicted.", evictions...),
		current("headrace.cache.loads", "{load}", "Loads under way.", loads...),
	}, tiers.metrics()...)
}

func (p points) histogram(set attribute.Set, counts []int64, total time.Duration) metricdata.HistogramDataPoint[float64] {
	buckets := make([]uint64, len(counts))
	var n uint64
	for i, c := range counts {
		buckets[i] = uint64(c)
		n += uint64(c)
	}
	return metricdata.HistogramDataPoint[float64]{
		Attributes: set, StartTime: p.start, Time: p.now,
		Count: n, Bounds: p.seconds, BucketCounts: buckets, Sum: total.Seconds(),
	}
}

func point[N int64 | float64](p points, set attribute.Set, value N) metricdata.DataPoint[N] {
	return metricdata.DataPoint[N]{Attributes: set, StartTime: p.start, Time: p.now, Value: value}
}

func histogram(name, unit, description string, points ...metricdata.HistogramDataPoint[float64]) metricdata.Metrics {
	data := metricdata.Histogram[float64]{Temporality: metricdata.CumulativeTemporality, DataPoints: points}
	return metricdata.Metrics{Name: name, Unit: unit, Description: description, Data: data}
}

// counter returns a sum that never falls.
func counter[N int64 | float64](name, unit, description string, points ...metricdata.DataPoint[N]) metricdata.Metrics {
	data := metricdata.Sum[N]{Temporality: metricdata.CumulativeTemporality, IsMonotonic: true, DataPoints: points}
	return metricdata.Metrics{Name: name, Unit: unit, Description: description, Data: data}
}

// current returns a value that rises and falls.
func current(name, unit, description string, points ...metricdata.DataPoint[int64]) metricdata.Metrics {
	data := metricdata.Sum[int64]{Temporality: metricdata.CumulativeTemporality, DataPoints: points}
	return metricdata.Metrics{Name: name, Unit: unit, Description: description, Data: data}
}
