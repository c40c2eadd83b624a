package dbprom

import "github.com/prometheus/client_golang/prometheus"

var descriptions []*prometheus.Desc

// describe adds a metric to descriptions.
func describe(name, help string, labels ...string) *prometheus.Desc {
	d := prometheus.NewDesc("headrace_"+name, help, labels, nil)
	descriptions = append(descriptions, d)
	return d
}

var (
	statementDuration = describe("statement_duration_seconds", "Time of statements, from sending to the end of the result, without waits for a connection.", "statement", "fingerprint")
	statementErrors   = describe("statement_errors_total", "Failed statements by class of SQLSTATE, or client for errors not from the server.", "statement", "fingerprint", "class")
	statementRows     = describe("statement_rows_total", "Rows that statements returned or affected.", "statement", "fingerprint")
	statementBytes    = describe("statement_bytes_total", "Bytes that connections carried for statements, in both directions.", "statement", "fingerprint")
	statementWait     = describe("statement_wait_seconds_total", "Time for which statements waited for a connection.", "statement", "fingerprint")
	statementNetwork  = describe("statement_network_seconds_total", "Part of the duration on the network and in the server.", "statement", "fingerprint")

	poolMax              = describe("pool_max_connections", "Maximum number of connections.")
	poolConns            = describe("pool_connections", "Connections by state: in_use, idle, opening.", "state")
	poolWaiting          = describe("pool_waiting_callers", "Callers that wait for a connection now.")
	poolWait             = describe("pool_wait_seconds", "Time for which callers of the handle waited for a connection.")
	poolAcquires         = describe("pool_acquires_total", "Connections taken from the pool.")
	poolEmptyAcquires    = describe("pool_empty_acquires_total", "Connections taken from the pool that were not idle: callers waited for them.")
	poolCanceledAcquires = describe("pool_canceled_acquires_total", "Waits for a connection that the context of the caller ended.")
	poolAcquireTime      = describe("pool_acquire_seconds_total", "Time of all successful acquires of the pool.")
	poolOpened           = describe("pool_opened_connections_total", "Connections that were opened.")
	poolClosed           = describe("pool_closed_connections_total", "Connections closed for their age, by reason: lifetime, idle.", "reason")
	lostNames            = describe("lost_statement_names_total", "Statements that failed because a pooler did not know a prepared name, or knew it already.")

	cacheLookups   = describe("cache_lookups_total", "Lookups by outcome, such as hit, miss-cold or refused-policy.", "cache", "reason")
	cacheEntries   = describe("cache_entries", "Entries in the cache.", "cache")
	cacheBytes     = describe("cache_bytes", "Bytes that the cache uses.", "cache")
	cacheBudget    = describe("cache_budget_bytes", "Bytes that the cache may use now.", "cache")
	cacheMax       = describe("cache_max_bytes", "Bytes that the cache may use without memory pressure.", "cache")
	cacheLoads     = describe("cache_loads", "Loads under way.", "cache")
	cacheEvictions = describe("cache_evictions_total", "Entries that were evicted.", "cache")

	tierReads   = describe("cache_tier_reads_total", "Reads of a further tier by outcome: hit, miss, passed (the tier was down, or a raise was pending).", "cache", "tier", "outcome")
	tierErrors  = describe("cache_tier_errors_total", "Failed calls of a further tier, and values that were damaged.", "cache", "tier")
	tierGets    = describe("cache_tier_gets_total", "Successful calls of Get of a further tier.", "cache", "tier")
	tierTime    = describe("cache_tier_get_seconds_total", "Time of the successful calls of Get of a further tier.", "cache", "tier")
	tierSets    = describe("cache_tier_sets_total", "Values stored in a further tier.", "cache", "tier")
	tierRaises  = describe("cache_tier_raises_total", "Successful raises of versions in a further tier.", "cache", "tier")
	tierBytes   = describe("cache_tier_bytes_total", "Bytes of values read from and written to a further tier.", "cache", "tier", "direction")
	tierPending = describe("cache_tier_pending_raises", "Names whose raise in a further tier has not succeeded yet.", "cache", "tier")
	tierDown    = describe("cache_tier_down", "1 while a further tier is passed over because its last call failed.", "cache", "tier")
)
