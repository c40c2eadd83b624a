// Package dbprom exports the statistics of a handle and of caches to
// Prometheus.
//
//	prometheus.MustRegister(dbprom.New(pg, &dbprom.Options{
//		Caches: map[string]*querycache.Cache{"main": cache},
//	}))
//
// Each statement has a histogram of its times, with the labels statement, its
// name or else a summary such as "SELECT cities", and fingerprint, as in the
// other statistics but in hexadecimal. Its calls are the count of the histogram.
// Statements beyond [Options.MaxStatements] share the series with the statement
// "other". Arguments, and constants in the texts of statements, are in no metric.
//
// examples/grafana in the repository has a dashboard.
//
// # Several handles
//
// A collector has no label for the database. Programs with several handles
// register each collector through prometheus.WrapRegistererWith, with a label
// that tells them apart. A cache that serves several handles belongs to the
// options of one of them.
//
// # Design notes
//
// Statements get series of their own by their total time, and lose them to
// statements that have taken more than twice as long. Counters never fall: what
// a statement has added to a series stays there, and a series that comes back
// continues where it ended. While a series is away, its amount is in no series:
// sums of rates over all statements stay true, sums of totals do not.
//
// There are no metrics of spans: a handle keeps the latest and the slowest ones,
// not their number.
//
// This is a module of its own so that the client of Prometheus stays out of the
// module graph of other programs.
package dbprom
