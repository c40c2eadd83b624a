package dbotel

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/headrace/headrace/querycache"
)

const (
	statementKey = attribute.Key("headrace.cache.statement")
	reasonKey    = attribute.Key("headrace.cache.reason")
)

// Lookups returns a function for OnLookup of [querycache.Options] that records
// lookups in the trace of their caller. Without a recorded span in the context
// it does nothing.
//
// A lookup that took time, for a load or for the load of another caller, becomes
// a span "cache lookup" of that time, with the status Error if the load failed.
// Any other, such as a hit, becomes an event of that name of the current span: a
// span for each would cost more than the lookup. Both have the attributes
// headrace.cache.statement, as Lookup.Name, and headrace.cache.reason.
//
// The hook runs when the lookup has ended, so that the spans of statements that
// a load sent are not children of the lookup's span: they have the same parent,
// and lie within its time. They are in the trace of the caller that began the
// load.
func Lookups(provider trace.TracerProvider) func(context.Context, querycache.Lookup) {
	tracer := provider.Tracer(scopeName)
	return func(ctx context.Context, l querycache.Lookup) {
		current := trace.SpanFromContext(ctx)
		if !current.IsRecording() {
			return
		}
		attrs := trace.WithAttributes(statementKey.String(strings.ToValidUTF8(l.Name, "\uFFFD")), reasonKey.String(l.Reason.String()))
		if l.Took <= 0 {
			current.AddEvent("cache lookup", attrs)
			return
		}
		now := time.Now()
		_, span := tracer.Start(ctx, "cache lookup", attrs, trace.WithTimestamp(now.Add(-l.Took)))
		if l.Reason == querycache.MissFailed {
			span.SetStatus(codes.Error, "load failed")
		}
		span.End(trace.WithTimestamp(now))
	}
}
