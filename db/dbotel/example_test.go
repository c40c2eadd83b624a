package dbotel_test

import (
	"context"
	"fmt"
	"log"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/dbotel"
	"github.com/headrace/headrace/querycache"
)

// A reader with the metrics of a handle. Programs use db.Open, which also
// measures statements, and a periodic reader with an exporter; this handle needs
// no server until its first statement.
func ExampleNewProducer() {
	pool, err := pgxpool.New(context.Background(), "postgres://app@localhost/app?pool_max_conns=8")
	if err != nil {
		log.Fatal(err)
	}
	pg, err := db.New(pool, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pg.Close()

	reader := metric.NewManualReader(metric.WithProducer(dbotel.NewProducer(pg, nil)))
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	defer provider.Shutdown(context.Background())

	var collected metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &collected); err != nil {
		log.Fatal(err)
	}
	for _, m := range collected.ScopeMetrics[0].Metrics {
		if m.Name == "db.client.connection.max" {
			point := m.Data.(metricdata.Sum[int64]).DataPoints[0]
			name, _ := point.Attributes.Value("db.client.connection.pool.name")
			fmt.Println(m.Name, name.AsString(), point.Value)
		}
	}
	// Output: db.client.connection.max localhost:5432/app 8
}

// A load in a cache is a span, a hit is an event of the caller's span.
func ExampleLookups() {
	recorder := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(recorder))
	cache, err := querycache.New(&querycache.Options{OnLookup: dbotel.Lookups(provider)})
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Close()
	square, err := querycache.Memoize(cache, "square", querycache.Policy{TTL: -1}, func(_ context.Context, n int) (int, error) { return n * n, nil })
	if err != nil {
		log.Fatal(err)
	}

	ctx, span := provider.Tracer("app").Start(context.Background(), "request")
	for range 2 {
		if _, err := square(ctx, 12); err != nil {
			log.Fatal(err)
		}
	}
	span.End()
	for _, s := range recorder.Ended() {
		fmt.Println("span:", s.Name(), values(s.Attributes()))
		for _, e := range s.Events() {
			fmt.Println("event:", e.Name, values(e.Attributes))
		}
	}
	// Output:
	// span: cache lookup [square miss-cold]
	// span: request []
	// event: cache lookup [square hit]
}

func values(attrs []attribute.KeyValue) (values []string) {
	for _, a := range attrs {
		values = append(values, a.Value.AsString())
	}
	return values
}
