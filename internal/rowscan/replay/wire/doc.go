// Package wire plays recordings to pgx over a connection in memory: what a client does with a result is measured without
// the server that sent it.
package wire
