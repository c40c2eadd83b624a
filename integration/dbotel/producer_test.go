package dbotel_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/dbotel"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

var itemName = db.MustCompile[string]("-- name: ItemName :one\nSELECT name FROM items WHERE id = $1")

// collect returns the metrics of a producer, as a reader gives them to an
// exporter.
func collect(t *testing.T, p metric.Producer) map[string]metricdata.Metrics {
	t.Helper()
	reader := metric.NewManualReader(metric.WithProducer(p))
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	defer func() { _ = provider.Shutdown(context.Background()) }()
	var out metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	metrics := make(map[string]metricdata.Metrics)
	for _, scope := range out.ScopeMetrics {
		for _, m := range scope.Metrics {
			metrics[m.Name] = m
		}
	}
	return metrics
}

// sum returns the value of the point that has the attributes, and whether there
// is exactly one.
func sum(m metricdata.Metrics, attrs ...attribute.KeyValue) (value int64, one bool) {
	n := 0
	data, _ := m.Data.(metricdata.Sum[int64])
	for _, p := range data.DataPoints {
		if has(p.Attributes, attrs) {
			value = p.Value
			n++
		}
	}
	return value, n == 1
}

func has(set attribute.Set, attrs []attribute.KeyValue) bool {
	for _, a := range attrs {
		if v, ok := set.Value(a.Key); !ok || v != a.Value {
			return false
		}
	}
	return true
}

// The metrics of the conventions have their names, units, types and attributes.
func TestMetrics(t *testing.T) {
	t.Parallel()
	pg := pgtest.Open(t, pgtest.New(t), nil, itemsTable, "INSERT INTO items VALUES (1, 'a')")
	cache, err := querycache.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	cached, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := itemName.One(t.Context(), cached, 1); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pg.Exec(t.Context(), "INSERT INTO items VALUES (1, 'c')"); err == nil {
		t.Fatal("a second row with one key was inserted")
	}
	conn, err := pg.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	p := dbotel.NewProducer(pg, &dbotel.Options{
		PoolName: "main", Attributes: []attribute.KeyValue{attribute.String("shard", "7")}, Caches: map[string]*querycache.Cache{"c": cache},
		Buckets: []time.Duration{time.Minute, time.Millisecond},
	})
	metrics := collect(t, p)
	testDuration(t, pg, metrics["db.client.operation.duration"])

	shard, pool := attribute.String("shard", "7"), attribute.String("db.client.connection.pool.name", "main")
	most := int64(pg.Stats().Pool.MaxConns())
	for _, want := range []struct {
		name, unit string
		monotonic  bool
		value      int64
		attrs      []attribute.KeyValue
	}{
		{"db.client.connection.count", "{connection}", false, 1, []attribute.KeyValue{shard, pool, attribute.String("db.client.connection.state", "used")}},
		{"db.client.connection.max", "{connection}", false, most, []attribute.KeyValue{shard, pool}},
		{"db.client.connection.idle.max", "{connection}", false, most, []attribute.KeyValue{shard, pool}},
		{"db.client.connection.idle.min", "{connection}", false, 0, []attribute.KeyValue{shard, pool}},
		{"db.client.connection.pending_requests", "{request}", false, 0, []attribute.KeyValue{shard, pool}},
		{"db.client.connection.timeouts", "{timeout}", true, 0, []attribute.KeyValue{shard, pool}},
		{"headrace.statement.errors", "{error}", true, 1, []attribute.KeyValue{shard, attribute.String("error.type", "23"), attribute.String("db.query.summary", "INSERT items")}},
		{"headrace.statement.rows", "{row}", true, 1, []attribute.KeyValue{shard, attribute.String("db.query.summary", "ItemName")}},
		{"headrace.cache.lookups", "{lookup}", true, 4, []attribute.KeyValue{shard, attribute.String("headrace.cache.name", "c"), attribute.String("headrace.cache.reason", "hit")}},
		{"headrace.cache.entries", "{entry}", false, 1, []attribute.KeyValue{shard, attribute.String("headrace.cache.name", "c")}},
	} {
		m := metrics[want.name]
		data, _ := m.Data.(metricdata.Sum[int64])
		value, one := sum(m, want.attrs...)
		if m.Unit != want.unit || m.Description == "" || data.IsMonotonic != want.monotonic || data.Temporality != metricdata.CumulativeTemporality || !one || value != want.value {
			t.Errorf("want %+v, got %d (%v) in %+v", want, value, one, m)
		}
	}
	waits, _ := metrics["db.client.connection.wait_time"].Data.(metricdata.Histogram[float64])
	if len(waits.DataPoints) != 1 || waits.DataPoints[0].Count != uint64(pg.Stats().Waits.Count) {
		t.Errorf("waits %+v", waits)
	}
}

func testDuration(t *testing.T, pg *db.DB, m metricdata.Metrics) {
	t.Helper()
	data, ok := m.Data.(metricdata.Histogram[float64])
	if !ok || m.Unit != "s" || data.Temporality != metricdata.CumulativeTemporality {
		t.Fatalf("duration %+v", m)
	}
	conn := pg.Config().ConnConfig
	for _, s := range pg.Stats().Statements {
		name := s.Name
		if name == "" {
			name = s.Summary
		}
		attrs := []attribute.KeyValue{
			attribute.String("db.system.name", "postgresql"), attribute.String("db.namespace", conn.Database),
			attribute.String("server.address", conn.Host), attribute.Int("server.port", int(conn.Port)), attribute.String("shard", "7"),
			attribute.String("db.query.summary", name), attribute.String("headrace.fingerprint", fmt.Sprintf("%016x", s.Fingerprint)),
		}
		found := 0
		for _, p := range data.DataPoints {
			if !has(p.Attributes, attrs) {
				continue
			}
			found++
			quick, slow := s.Times.CountUpTo(time.Millisecond), s.Times.CountUpTo(time.Minute)
			if p.Count != uint64(s.Calls) || p.Sum != s.Total.Seconds() || len(p.Bounds) != 2 || p.Bounds[0] != 0.001 ||
				fmt.Sprint(p.BucketCounts) != fmt.Sprint([]int64{quick, slow - quick, s.Calls - slow}) || p.StartTime.IsZero() || p.Time.Before(p.StartTime) {
				t.Errorf("%s: point %+v, want the figures of %+v", name, p, s)
			}
		}
		if found != 1 {
			t.Errorf("%s has %d points", name, found)
		}
	}
}

// Callers that wait for a connection are pending requests; one whose context
// ends is a timeout.
func TestPendingRequests(t *testing.T) {
	t.Parallel()
	pg := pgtest.Open(t, pgtest.New(t)+"&pool_max_conns=1", nil)
	p := dbotel.NewProducer(pg, nil)
	conn, err := pg.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- pg.Ping(ctx) }()
	pending := func() int64 {
		n, _ := sum(collect(t, p)["db.client.connection.pending_requests"])
		return n
	}
	for late := time.Now().Add(20 * time.Second); pending() != 1; {
		if time.Now().After(late) {
			t.Fatal("the waiting caller is not pending")
		}
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("the ping got a connection")
	}
	conn.Release()
	if n := pending(); n != 0 {
		t.Errorf("%d pending requests, want none", n)
	}
	if n, _ := sum(collect(t, p)["db.client.connection.timeouts"]); n != 1 {
		t.Errorf("%d timeouts, want 1", n)
	}
}

// Neither arguments nor constants are in a metric or in a span of a lookup.
func TestNoArgumentIsExported(t *testing.T) {
	t.Parallel()
	const canary = "canary7391"
	recorder := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(recorder))
	pg := pgtest.Open(t, pgtest.New(t), nil, itemsTable, "CREATE UNIQUE INDEX ON items (name)", "INSERT INTO items VALUES (1, '"+canary+"')")
	cache, err := querycache.New(&querycache.Options{OnLookup: dbotel.Lookups(provider)})
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	cached, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ctx, span := provider.Tracer("test").Start(t.Context(), "request")
	if _, err := cached.Exec(ctx, "INSERT INTO items VALUES (2, $1)", canary); err == nil || !strings.Contains(fmt.Sprintf("%+v", err), "23505") {
		t.Fatalf("error %v, want a violated unique index", err)
	}
	for _, sql := range []string{
		"SELECT id FROM items WHERE name = '" + canary + "'",
		"SELECT id FROM items WHERE name = '" + canary + "'",
		"SELECT '" + canary + "'::int",
		"SELECT id FROM items WHERE name LIKE E'" + canary + "%' /* " + canary + " */ -- " + canary,
		"SELECT '" + canary,
	} {
		_, _ = db.All[int](ctx, cached, db.SQL(sql))
	}
	if _, err := db.All[int](ctx, cached, db.SQL("SELECT id FROM items WHERE name = $1", canary)); err != nil {
		t.Fatal(err)
	}
	span.End()

	metrics := collect(t, dbotel.NewProducer(pg, &dbotel.Options{Caches: map[string]*querycache.Cache{"main": cache}}))
	if text := fmt.Sprintf("%+v", metrics); strings.Contains(text, canary) {
		t.Errorf("the metrics have the argument: %s", text)
	}
	for _, m := range metrics {
		for _, set := range attributeSets(m) {
			if strings.Contains(fmt.Sprint(set.ToSlice()), canary) {
				t.Errorf("%s has the argument: %v", m.Name, set.ToSlice())
			}
		}
	}
	lookups := 0
	for _, s := range recorder.Ended() {
		lookups += len(s.Events())
		for _, e := range s.Events() {
			if strings.Contains(fmt.Sprint(e), canary) {
				t.Errorf("event %v has the argument", e)
			}
		}
		if s.Name() != "request" {
			lookups++
		}
		if text := fmt.Sprint(s.Name(), s.Attributes(), s.Status()); strings.Contains(text, canary) {
			t.Errorf("span %s has the argument", text)
		}
	}
	if want := int(cache.Stats().Total()); lookups != want || want < 5 {
		t.Errorf("%d spans and events of %d lookups", lookups, want)
	}
}

func attributeSets(m metricdata.Metrics) (sets []attribute.Set) {
	switch data := m.Data.(type) {
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			sets = append(sets, p.Attributes)
		}
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			sets = append(sets, p.Attributes)
		}
	case metricdata.Sum[float64]:
		for _, p := range data.DataPoints {
			sets = append(sets, p.Attributes)
		}
	}
	return sets
}
