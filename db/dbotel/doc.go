// Package dbotel exports the statistics of a handle and of caches to
// OpenTelemetry, and records lookups in caches as spans.
//
// # Metrics
//
// OpenTelemetry has no instrument that observes a finished histogram. A
// [Producer] hands the statistics to a reader of the SDK instead, which exports
// them with the metrics of instruments:
//
//	producer := dbotel.NewProducer(pg, nil)
//	reader := metric.NewPeriodicReader(exporter, metric.WithProducer(producer))
//	provider := metric.NewMeterProvider(metric.WithReader(reader))
//
// A reader for a pull exporter takes it likewise, such as prometheus.WithProducer.
// Metrics of producers pass no views.
//
// Names and attributes follow the semantic conventions for databases, version
// 1.43.0: db.client.operation.duration, and db.client.connection.count, .max,
// .idle.max, .idle.min, .pending_requests, .timeouts and .wait_time, with
// db.system.name, db.namespace, server.address, server.port and
// db.client.connection.pool.name. db.query.summary is the name of a statement, or
// else its kind and tables, such as "SELECT cities". headrace.fingerprint is the
// fingerprint as in the other statistics, but in hexadecimal. Statements beyond
// [Options.MaxStatements] share the summary "other" and have no fingerprint.
//
// The rest has no convention and names of its own: headrace.statement.errors,
// .rows, .bytes, .wait_time and .network_time; headrace.cache.lookups, .entries,
// .usage, .budget, .evictions and .loads.
//
// Arguments, and constants in the texts of statements, are in no metric and no
// span.
//
// # Traces
//
// github.com/exaring/otelpgx makes spans of statements. OpenConfig keeps it:
//
//	cfg.ConnConfig.Tracer = otelpgx.NewTracer()
//	pg, err := db.OpenConfig(ctx, cfg, nil)
//
// Its spans have the texts of statements, with constants, unless it is made with
// WithDisableSQLStatementInAttributes and a function for the names of spans.
// [Lookups] adds spans of lookups in caches.
//
// # Design notes
//
// The temporality is cumulative, whatever the reader prefers: SDKs convert only
// what their instruments have measured. For a backend that needs deltas, use the
// collector's cumulativetodelta processor. The start time of all points is that
// of [NewProducer]; call it right after Open.
//
// The duration has no error.type: the handle has one histogram for all calls of
// a statement. headrace.statement.errors counts the failed ones by error.type,
// which is the class of SQLSTATE, or client for errors not from the server.
// db.operation.name and db.collection.name are not set, since the conventions
// forbid extracting them from the texts of statements. Pools of pgx keep any
// number of idle connections, so that idle.max is max.
//
// Statements get points of their own by their total time, and lose them to
// statements that have taken more than twice as long. Sums never fall: what a
// statement has added to a point stays there.
//
// This is a module of its own so that OpenTelemetry stays out of the module
// graph of other programs.
package dbotel
