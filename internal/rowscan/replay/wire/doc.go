// Package wire plays recordings to pgx over a connection in memory, to measure
// what a client does with a result without the server.
package wire
