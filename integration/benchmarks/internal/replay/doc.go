// Package replay records the responses of a PostgreSQL server and replays them
// without one, so that a client can be measured alone: on loopback the server's
// time would hide it.
//
// An unchanged pgx connection talks to either end through [net.Conn]. Responses
// are found by the request: all bytes from one synchronisation point of the
// protocol (a Sync or a Query message) to the next. A request that was not
// recorded is an error.
package replay
