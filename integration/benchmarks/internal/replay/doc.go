// Package replay records what a PostgreSQL server answers and gives the same
// answers again without one, so that the time of a client can be measured alone:
// on loopback the server's time hides it.
//
// A real pgx connection talks to either end through [net.Conn]; nothing of it is
// replaced. Answers are found by what was asked: all bytes from one
// synchronisation point of the protocol to the next (a Sync or a Query message).
// What the client did not ask while recording has no answer, and is an error.
package replay
