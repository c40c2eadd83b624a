package dbotel

import (
	"context"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/headrace/headrace/querycache"
)

func TestLookups(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(recorder))
	onLookup := Lookups(provider)
	onLookup(t.Context(), querycache.Lookup{Name: "Untraced", Reason: querycache.MissCold, Took: time.Second})
	if n := len(recorder.Started()); n != 0 {
		t.Fatalf("%d spans without a trace", n)
	}
	ctx, parent := provider.Tracer("test").Start(context.Background(), "request")
	onLookup(ctx, querycache.Lookup{Name: "Cold", Reason: querycache.MissCold, Took: time.Second})
	onLookup(ctx, querycache.Lookup{Name: "Failed", Reason: querycache.MissFailed, Took: time.Minute})
	onLookup(ctx, querycache.Lookup{Name: "Hot", Reason: querycache.Hit})
	parent.End()

	spans := recorder.Ended()
	if len(spans) != 3 {
		t.Fatalf("%d spans, want 3", len(spans))
	}
	for i, want := range []struct {
		took   time.Duration
		status codes.Code
	}{{time.Second, codes.Unset}, {time.Minute, codes.Error}} {
		s := spans[i]
		if s.Name() != "cache lookup" || s.EndTime().Sub(s.StartTime()) != want.took || s.Status().Code != want.status || s.Parent().SpanID() != parent.SpanContext().SpanID() {
			t.Errorf("span %s took %v, status %v, parent %v; want %+v", s.Name(), s.EndTime().Sub(s.StartTime()), s.Status(), s.Parent().SpanID(), want)
		}
	}
	if events := spans[2].Events(); len(events) != 1 || events[0].Name != "cache lookup" {
		t.Errorf("events %+v, want one hit", events)
	}
}
