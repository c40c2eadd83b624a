// Package pgbouncer starts PgBouncer in front of a server, for tests of
// prepared statements, settings and locks behind a connection pooler.
package pgbouncer
