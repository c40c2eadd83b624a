package catalog

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// A request is a statement that is sent to the server in a pipeline, and its
// result.
type request struct {
	sql      string
	args     []string
	describe bool // only parse it and return the types of its parameters

	rows   [][][]byte
	params []uint32
}

// A unit is a list of requests that ends at the first failure. Units do not
// share errors: the server continues with the next unit.
type unit struct {
	requests []*request
	err      error
}

func newUnit(requests ...*request) *unit { return &unit{requests: requests} }

// exchange sends units in one network round trip. It returns errors of the
// connection; errors of the server are in the units.
func exchange(ctx context.Context, conn *pgconn.PgConn, units ...*unit) error {
	if len(units) == 0 {
		return nil
	}
	p := conn.StartPipeline(ctx)
	for _, u := range units {
		u.send(p)
	}
	err := p.Flush()
	for i := 0; err == nil && i < len(units); i++ {
		err = units[i].receive(conn, p)
	}
	closed := p.Close()
	if _, ok := errors.AsType[*pgconn.PgError](closed); ok && err == nil {
		closed = nil // the error is in a unit
	}
	if err == nil {
		err = closed
	}
	return err
}

func (u *unit) send(p *pgconn.Pipeline) {
	for _, r := range u.requests {
		if r.describe {
			p.SendPrepare("", r.sql, nil)
			continue
		}
		args := make([][]byte, len(r.args))
		for i, arg := range r.args {
			args[i] = []byte(arg)
		}
		p.SendQueryParams(r.sql, args, nil, nil, nil)
	}
	p.SendPipelineSync()
}

func (u *unit) receive(conn *pgconn.PgConn, p *pgconn.Pipeline) error {
	for i := 0; ; i++ {
		result, err := p.GetResults()
		switch result := result.(type) {
		case *pgconn.PipelineSync:
			return nil
		case *pgconn.StatementDescription:
			u.requests[i].params = result.ParamOIDs
		case *pgconn.ResultReader:
			read := result.Read()
			u.requests[i].rows, err = read.Rows, read.Err
		default:
			if err == nil {
				return errors.New("the server's response is incomplete")
			}
		}
		if err == nil {
			continue
		}
		if _, ok := errors.AsType[*pgconn.PgError](err); !ok || conn.IsClosed() {
			return err
		}
		if u.err == nil {
			u.err = err
		}
	}
}
