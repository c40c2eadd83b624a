package batchinsert

import (
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/pgcopy"
	"github.com/headrace/headrace/internal/target"
)

// A session is the state kept with a connection. It is used by the holder of the
// connection.
type session struct {
	database string // identifies the database
	// mode is the execution mode to pass as the first argument of a statement,
	// if the connection's default does not send arguments in binary.
	mode  []any
	plans map[planKey]any // *insertPlan[T]
}

const sessionKey = "headrace batchinsert"

// sessionOf returns the session of conn. It reads the connection's config once,
// since pgx copies it for each caller.
func sessionOf(conn *pgx.Conn) *session {
	data := conn.PgConn().CustomData()
	if s, ok := data[sessionKey].(*session); ok {
		return s
	}
	c := conn.Config()
	s := &session{database: fmt.Sprintf("%s\x00%d\x00%s\x00%s\x00%s", c.Host, c.Port, c.Database, c.User, c.RuntimeParams["search_path"])}
	switch c.DefaultQueryExecMode {
	case pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol:
		s.mode = []any{pgx.QueryExecModeDescribeExec}
	}
	data[sessionKey] = s
	return s
}

// A planKey identifies an insertPlan, for given columns of the table and types
// of the connection.
type planKey struct {
	table        *schemaCache // shared by a Table and all that With returns
	omit         string
	keepIdentity bool
}

// keptPlans bounds the plans of a session.
const keptPlans = 64

// An insertPlan is the INSERT of rows from arrays.
type insertPlan[T any] struct {
	*arrayPlan[T]
	sql   string
	spare *pgcopy.Arrays[T] // empty, for the next call; nil while in use
}

// keptBytes bounds the memory of a spare.
const keptBytes = 64 << 10

// insertPlan returns the plan of the INSERT for the schema s.
func (t *Table[T]) insertPlan(conn *pgx.Conn, s *target.Schema) (*insertPlan[T], error) {
	session, key := sessionOf(conn), planKey{t.cache, t.omitted, t.opts.KeepIdentity}
	if p, ok := session.plans[key].(*insertPlan[T]); ok && p.Schema == s {
		return p, nil
	}
	m, err := t.matchFields(s, nil)
	if err != nil {
		return nil, err
	}
	arrays, err := newArrayPlan[T](conn.TypeMap(), m)
	if err != nil {
		return nil, err
	}
	p := &insertPlan[T]{arrayPlan: arrays, sql: "INSERT INTO " + t.quoted + " (" + m.List("") + ")" + m.Overriding() + "\n" + arrays.selection()}
	if !arrays.encoder.Portable() {
		return p, nil // types may be registered with the connection later
	}
	if _, old := session.plans[key]; session.plans == nil || len(session.plans) >= keptPlans && !old {
		session.plans = make(map[planKey]any)
	}
	session.plans[key] = p
	return p, nil
}

// take returns empty arrays, which the caller owns until give.
func (p *insertPlan[T]) take() *pgcopy.Arrays[T] {
	if a := p.spare; a != nil {
		p.spare = nil
		return a
	}
	return pgcopy.NewArrays(p.encoder)
}

func (p *insertPlan[T]) give(a *pgcopy.Arrays[T]) {
	if a.Cap() <= keptBytes {
		a.Reset()
		p.spare = a
	}
}

// withMode puts the session's execution mode before the arguments.
func (s *session) withMode(args []any) []any {
	if s.mode == nil {
		return args
	}
	return slices.Concat(s.mode, args)
}
