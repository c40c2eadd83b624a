package dbprom

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// Options configures a Collector. The zero value, and a nil *Options, mean the
// defaults.
type Options struct {
	// MaxStatements is the number of statements with series of their own, about
	// 25 each; the others share one. Default 100; -1 means none.
	MaxStatements int

	// Buckets are the upper bounds of the buckets of histograms, in any order.
	// Default: 16 bounds from 100 us to 10 s.
	Buckets []time.Duration

	// Caches are the caches to export, with the value of the label cache.
	Caches map[string]*querycache.Cache
}

const defaultMaxStatements = 100

var defaultBuckets = []time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	1 * time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	1 * time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// A Collector implements [prometheus.Collector] for a handle and caches. It is
// safe for concurrent use, also by several registries.
type Collector struct {
	pg     *db.DB
	bounds []time.Duration // ascending
	caches map[string]*querycache.Cache

	mu     sync.Mutex
	series *allSeries // guarded by mu
}

// New returns a collector of the statistics of pg. opts may be nil.
func New(pg *db.DB, opts *Options) *Collector {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.MaxStatements == 0 {
		o.MaxStatements = defaultMaxStatements
	}
	if len(o.Buckets) == 0 {
		o.Buckets = defaultBuckets
	}
	bounds := slices.Compact(slices.Sorted(slices.Values(o.Buckets)))
	return &Collector{pg: pg, bounds: bounds, caches: o.Caches, series: newAllSeries(o.MaxStatements, bounds)}
}

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range descriptions {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	stats, series := c.stats()
	for k, f := range series {
		c.statement(out, k, f)
	}
	c.pool(out, stats)
	for name, cache := range c.caches {
		if cache == nil {
			continue
		}
		collectCache(out, name, cache.Stats())
	}
}

// stats returns statistics and their series. Both must be taken in one order.
func (c *Collector) stats() (db.Stats, map[key]figures) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stats := c.pg.Stats()
	return stats, c.series.split(stats.Statements)
}

func (c *Collector) statement(out chan<- prometheus.Metric, k key, f figures) {
	out <- c.histogram(statementDuration, f.counts, f.total, k.statement, k.fingerprint)
	for d, value := range map[*prometheus.Desc]float64{
		statementRows:    float64(f.rows),
		statementBytes:   float64(f.bytes),
		statementWait:    f.wait.Seconds(),
		statementNetwork: f.network.Seconds(),
	} {
		out <- counter(d, value, k.statement, k.fingerprint)
	}
	for class, n := range f.errors {
		out <- counter(statementErrors, float64(n), k.statement, k.fingerprint, class)
	}
}

func (c *Collector) pool(out chan<- prometheus.Metric, stats db.Stats) {
	pool := stats.Pool
	out <- gauge(poolMax, float64(pool.MaxConns()))
	out <- gauge(poolConns, float64(pool.AcquiredConns()), "in_use")
	out <- gauge(poolConns, float64(pool.IdleConns()), "idle")
	out <- gauge(poolConns, float64(pool.ConstructingConns()), "opening")
	out <- gauge(poolWaiting, float64(stats.Waits.Waiting))
	out <- c.histogram(poolWait, countsOf(stats.Waits.Times, c.bounds), stats.Waits.Total)
	out <- counter(poolAcquires, float64(pool.AcquireCount()))
	out <- counter(poolEmptyAcquires, float64(pool.EmptyAcquireCount()))
	out <- counter(poolCanceledAcquires, float64(pool.CanceledAcquireCount()))
	out <- counter(poolAcquireTime, pool.AcquireDuration().Seconds())
	out <- counter(poolOpened, float64(pool.NewConnsCount()))
	out <- counter(poolClosed, float64(pool.MaxLifetimeDestroyCount()), "lifetime")
	out <- counter(poolClosed, float64(pool.MaxIdleDestroyCount()), "idle")
	out <- counter(lostNames, float64(stats.LostNames))
}

func collectCache(out chan<- prometheus.Metric, name string, stats querycache.Stats) {
	for reason := querycache.Hit; reason.String() != "unknown"; reason++ { // also those that did not occur yet
		out <- counter(cacheLookups, float64(stats.Lookups[reason]), name, reason.String())
	}
	out <- gauge(cacheEntries, float64(stats.Entries), name)
	out <- gauge(cacheBytes, float64(stats.Bytes), name)
	out <- gauge(cacheBudget, float64(stats.Budget), name)
	out <- gauge(cacheMax, float64(stats.MaxBytes), name)
	out <- gauge(cacheLoads, float64(stats.Flights), name)
	out <- counter(cacheEvictions, float64(stats.Evicted), name)
	for _, tier := range stats.Tiers {
		collectTier(out, name, tier)
	}
}

func collectTier(out chan<- prometheus.Metric, cache string, s querycache.TierStats) {
	down := 0.0
	if s.Down {
		down = 1
	}
	out <- counter(tierReads, float64(s.Hits), cache, s.Name, "hit")
	out <- counter(tierReads, float64(s.Misses), cache, s.Name, "miss")
	out <- counter(tierReads, float64(s.Passed), cache, s.Name, "passed")
	out <- counter(tierErrors, float64(s.Errors), cache, s.Name)
	out <- counter(tierGets, float64(s.Gets), cache, s.Name)
	out <- counter(tierTime, s.Time.Seconds(), cache, s.Name)
	out <- counter(tierSets, float64(s.Sets), cache, s.Name)
	out <- counter(tierRaises, float64(s.Raises), cache, s.Name)
	out <- counter(tierBytes, float64(s.BytesRead), cache, s.Name, "read")
	out <- counter(tierBytes, float64(s.BytesWritten), cache, s.Name, "written")
	out <- gauge(tierPending, float64(s.Pending), cache, s.Name)
	out <- gauge(tierDown, down, cache, s.Name)
}

// histogram returns a histogram of the numbers of durations between bounds.
func (c *Collector) histogram(d *prometheus.Desc, counts []int64, total time.Duration, labels ...string) prometheus.Metric {
	buckets := make(map[float64]uint64, len(c.bounds))
	var n uint64
	for i, bound := range c.bounds {
		n += uint64(counts[i])
		buckets[bound.Seconds()] = n
	}
	n += uint64(counts[len(c.bounds)])
	return prometheus.MustNewConstHistogram(d, n, total.Seconds(), buckets, labels...)
}

func counter(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...)
}

func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}
