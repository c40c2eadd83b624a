package batchinsert

import (
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/pgcopy"
	"github.com/headrace/headrace/internal/target"
)

// A session is what is kept with a connection, for those who hold it.
type session struct {
	database string // names the database that it is connected to
	// mode is the execution mode to ask for, as the first argument of a statement,
	// where the connection's own does not send arguments in binary.
	mode  []any
	plans map[planKey]any // *insertPlan[T]
}

const sessionKey = "headrace batchinsert"

// sessionOf returns the session of conn. Its config, which pgx copies for each
// caller, is looked at once.
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

// A planKey is what an insertPlan depends on, apart from the table's columns and
// the connection's types.
type planKey struct {
	table        *schemaCache // one for a Table and all that With returns
	omit         string
	keepIdentity bool
}

// keptPlans bounds the plans of a session.
const keptPlans = 64

// An insertPlan is the INSERT of rows from arrays.
type insertPlan[T any] struct {
	*arrayPlan[T]
	sql   string
	spare *pgcopy.Arrays[T] // empty, for the next call; nil while a call uses it
}

// keptBytes bounds the memory that a spare holds.
const keptBytes = 64 << 10

// insertPlan plans the INSERT into the table, which is as s says.
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

// take returns empty arrays, which are the caller's until give.
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
