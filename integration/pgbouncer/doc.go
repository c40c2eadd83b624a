// Package pgbouncer starts PgBouncer in front of a server, for tests: pools that change the server's connection
// between two statements are what prepared statements, settings and locks meet in production.
package pgbouncer
