package db

import (
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/changes"
	"github.com/headrace/headrace/internal/pgxrows"
)

// connState is what a handle keeps with a connection of its pool. It belongs to
// whoever holds the connection, which is one goroutine at a time.
type connState struct {
	handle  *DB
	tracked *changes.Conn
	taken   atomic.Int64      // by clock.Now, when the handle handed it out; 0 if it never did; read by callers that wait
	rows    []rows            // some rows to hand out, allocated together
	scans   pgxrows.ScanPlans // of the rows that QueryRow reads
}

// stateKey is where a connection's custom data has its connState.
const stateKey = "github.com/headrace/headrace/db"

// stateOf returns the state kept with conn, or nil where conn is of no pool that
// a handle has opened.
func stateOf(conn *pgx.Conn) *connState {
	s, _ := conn.PgConn().CustomData()[stateKey].(*connState)
	return s
}

// handleOf returns the handle whose pool conn is in, or nil where stateOf does.
func handleOf(conn *pgx.Conn) *DB {
	if s := stateOf(conn); s != nil {
		return s.handle
	}
	return nil
}

// ensureState returns the state kept with conn, made now if there is none.
func (d *DB) ensureState(conn *pgx.Conn) *connState {
	data := conn.PgConn().CustomData()
	s, ok := data[stateKey].(*connState)
	if !ok {
		s = &connState{handle: d, tracked: changes.Ensure(conn)}
		data[stateKey] = s
	}
	return s
}

// newRows returns an empty rows. A nil state, of an adopted pool, gives one too.
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
