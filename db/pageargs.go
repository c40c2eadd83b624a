package db

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// instantTypes are those for which pgx sends the instant of a time.Time. For
// all others it sends the wall clock, or a text with the zone in it.
var instantTypes = []uint32{
	pgtype.TimestamptzOID, pgtype.TimestamptzArrayOID,
	pgtype.TstzrangeOID, pgtype.TstzrangeArrayOID, pgtype.TstzmultirangeOID,
}

// checkMoved returns ErrBadCursor unless the server is sent instants for the
// given arguments, whose times are the cursor's in other zones. It asks the
// server for the parameters' types: a round trip for such cursors only.
func (c pageCall) checkMoved(ctx context.Context, q Querier, moved []int) error {
	types, err := paramTypes(ctx, q, c.text.Normalized)
	if err != nil {
		return readError(c.text.Label, err)
	}
	for _, i := range moved {
		if i >= len(types) || !slices.Contains(instantTypes, types[i]) {
			return ErrBadCursor
		}
	}
	return nil
}

// paramTypes returns the types of a statement's parameters, or none where q
// does not lead to a connection.
func paramTypes(ctx context.Context, q Querier, sql string) ([]uint32, error) {
	var conn *pgx.Conn
	switch q := q.(type) {
	case *DB:
		taken, _, err := q.acquire(ctx)
		if err != nil {
			return nil, err
		}
		defer taken.Release()
		conn = taken.Conn()
	case *pgxpool.Pool:
		taken, err := q.Acquire(ctx)
		if err != nil {
			return nil, err
		}
		defer taken.Release()
		conn = taken.Conn()
	default:
		if conn = connOf(q); conn == nil {
			return nil, nil
		}
	}
	sd, err := conn.PgConn().Prepare(ctx, "", sql, nil)
	if err != nil {
		return nil, err
	}
	return sd.ParamOIDs, nil
}
