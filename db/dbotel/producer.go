package dbotel

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

const scopeName = "github.com/headrace/headrace/db/dbotel"

// Options configures a Producer. The zero value, and a nil *Options, mean the
// defaults.
type Options struct {
	// MaxStatements is the number of statements with points of their own; the
	// others share one. Default 100; -1 means none.
	MaxStatements int

	// Buckets are the upper bounds of the buckets of histograms, in any order.
	// Default: 100 us, 500 us, and the bounds that the conventions recommend, 1 ms
	// to 10 s.
	Buckets []time.Duration

	// PoolName is the attribute db.client.connection.pool.name. Default:
	// address:port/database.
	PoolName string

	// Attributes are added to all points.
	Attributes []attribute.KeyValue

	// Caches are the caches to export, with the value of the attribute
	// headrace.cache.name.
	Caches map[string]*querycache.Cache
}

const defaultMaxStatements = 100

var defaultBuckets = []time.Duration{
	100 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond, time.Second, 5 * time.Second, 10 * time.Second,
}

// A Producer implements [metric.Producer] for a handle and caches. It is safe
// for concurrent use, also by several readers.
type Producer struct {
	pg       *db.DB
	bounds   []time.Duration // ascending
	seconds  []float64       // the bounds
	caches   map[string]*querycache.Cache
	start    time.Time
	idleMin  int64
	database []attribute.KeyValue // of all points of statements
	pool     []attribute.KeyValue // of all points of the pool
	common   []attribute.KeyValue // of all points

	mu     sync.Mutex
	series *allSeries // guarded by mu
}

var _ metric.Producer = (*Producer)(nil)

// NewProducer returns a producer of the statistics of pg. opts may be nil.
func NewProducer(pg *db.DB, opts *Options) *Producer {
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
	seconds := make([]float64, len(bounds))
	for i, bound := range bounds {
		seconds[i] = bound.Seconds()
	}
	cfg := pg.Config()
	conn := cfg.ConnConfig
	database := slices.Concat(o.Attributes, []attribute.KeyValue{
		semconv.DBSystemNamePostgreSQL, semconv.DBNamespace(conn.Database),
		semconv.ServerAddress(conn.Host), semconv.ServerPort(int(conn.Port)),
	})
	name := cmp.Or(o.PoolName, fmt.Sprintf("%s:%d/%s", conn.Host, conn.Port, conn.Database))
	return &Producer{
		pg: pg, bounds: bounds, seconds: seconds, caches: o.Caches, start: time.Now(), idleMin: int64(cfg.MinIdleConns),
		database: database, pool: slices.Concat(o.Attributes, []attribute.KeyValue{semconv.DBClientConnectionPoolName(name)}), common: o.Attributes,
		series: newAllSeries(o.MaxStatements, bounds),
	}
}

// Produce implements [metric.Producer]. It returns no error.
func (p *Producer) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	stats, series := p.stats()
	m := points{p, time.Now()}
	metrics := slices.Concat(m.statements(series), m.connections(stats))
	if len(p.caches) > 0 {
		metrics = append(metrics, m.lookups()...)
	}
	return []metricdata.ScopeMetrics{{
		Scope:   instrumentation.Scope{Name: scopeName, SchemaURL: semconv.SchemaURL},
		Metrics: metrics,
	}}, nil
}

// stats returns statistics and their series. Both must be taken in one order.
func (p *Producer) stats() (db.Stats, map[key]figures) {
	p.mu.Lock()
	defer p.mu.Unlock()
	stats := p.pg.Stats()
	return stats, p.series.split(stats.Statements)
}
