package db

import (
	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/changes"
	"github.com/headrace/headrace/internal/pgxrows"
)

// A connState is the state that a handle keeps with a connection of its pool.
// It belongs to the holder of the connection, which is one goroutine at a time.
type connState struct {
	handle  *DB
	tracked *changes.Conn
	rows    []rows            // allocated in blocks, for newRows
	scans   pgxrows.ScanPlans // for QueryRow
	closed  <-chan struct{}   // closed with the connection
}

// stateKey is the key of a connState in the connection's custom data.
const stateKey = "github.com/headrace/headrace/db"

// stateOf returns the state kept with conn, or nil where conn is not in the
// pool of a handle.
func stateOf(conn *pgx.Conn) *connState {
	s, _ := conn.PgConn().CustomData()[stateKey].(*connState)
	return s
}

// handleOf returns the handle whose pool conn is in, or nil where there is
// none.
func handleOf(conn *pgx.Conn) *DB {
	if s := stateOf(conn); s != nil {
		return s.handle
	}
	return nil
}

// ensureState returns the state kept with conn, and creates it if there is
// none.
func (d *DB) ensureState(conn *pgx.Conn) *connState {
	data := conn.PgConn().CustomData()
	s, ok := data[stateKey].(*connState)
	if !ok {
		s = &connState{handle: d, tracked: changes.Ensure(conn), closed: conn.PgConn().CleanupDone()}
		data[stateKey] = s
	}
	return s
}

// newRows returns empty rows. The receiver may be nil, for an adopted pool.
func (s *connState) newRows() *rows {
	if s == nil {
		return new(rows)
	}
	if len(s.rows) == 0 {
		s.rows = make([]rows, 32)
	}
	r := &s.rows[0]
	s.rows = s.rows[1:]
	r.state = s
	return r
}
