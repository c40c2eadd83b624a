package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/keyset"
	"github.com/headrace/headrace/internal/paging"
)

// Explanations of page errors: the statement, a key, or the cursor.

// explain adds to the error of a page what caused it. sql is the text that was
// sent.
func (c pageCall) explain(ctx context.Context, q Querier, from *keyset.Position, sql string, args []any, err error) error {
	pgErr, ok := connecterror.Server(err)
	if !ok {
		return err
	}
	if pgErr.Code == codeUndefinedColumn {
		if key := c.KeyAt(sql, int(pgErr.Position)); key != "" {
			return fmt.Errorf("key %q is not a column of the result (names are case-sensitive): %w", key, err)
		}
	}
	if from == nil || len(from.Values) == 0 {
		return err
	}
	if n := paging.ParamIn(pgErr.Where); n > c.Params() || n == 0 && c.outdated(ctx, q, from, args, pgErr.Code) {
		return ErrBadCursor
	}
	return err
}

// outdated reports whether a page failed with the given code because of the
// values in its cursor: the type of a key has changed and the server has no
// operator for them, or it no longer accepts them, as with a renamed enum
// value. It costs two queries, after such an error only. In a transaction,
// which has failed, it cannot find out.
func (c pageCall) outdated(ctx context.Context, q Querier, from *keyset.Position, args []any, code string) bool {
	if code != codeUndefinedFunction && !strings.HasPrefix(code, classDataException) {
		return false
	}
	begin := (*keyset.Position)(nil)
	rows, err := q.Query(ctx, c.SQL(begin.Form(1)), args...)
	if err != nil {
		return false
	}
	r := paging.NewRows(rows, c.Statement, c.limit, from, false)
	r.Next()
	rows.Close()
	if errors.Is(r.Failed(), ErrBadCursor) {
		return true
	}
	none := func(at *keyset.Position) error { // the server reads the values, and no row
		rows, err := q.Query(ctx, c.SQL(at.Form(0)), at.AppendArgs(slices.Clip(args))...)
		if err != nil {
			return err
		}
		rows.Close()
		return rows.Err()
	}
	_, unreadable := connecterror.Server(none(from))
	return unreadable && none(begin) == nil
}

const (
	codeUndefinedFunction = "42883"
	codeUndefinedColumn   = "42703"
	classDataException    = "22"
)

// instantTypes are the types for which pgx sends the instant of a time.Time.
// For all others it sends the wall clock, or a text that includes the zone.
var instantTypes = []uint32{
	pgtype.TimestamptzOID, pgtype.TimestamptzArrayOID,
	pgtype.TstzrangeOID, pgtype.TstzrangeArrayOID, pgtype.TstzmultirangeOID,
}

// checkMoved returns ErrBadCursor unless the given arguments, whose times equal
// those of the cursor in other zones, are sent as instants. It asks the server
// for the parameter types, one round trip for such cursors only.
func (c pageCall) checkMoved(ctx context.Context, q Querier, moved []int) error {
	types, err := paramTypes(ctx, q, c.Text.Normalized)
	if err != nil {
		return readError(c.Text.Label, err)
	}
	for _, i := range moved {
		if i >= len(types) || !slices.Contains(instantTypes, types[i]) {
			return ErrBadCursor
		}
	}
	return nil
}

// paramTypes returns the types of a statement's parameters, or nil where q does
// not lead to a connection.
func paramTypes(ctx context.Context, q Querier, sql string) ([]uint32, error) {
	var conn *pgx.Conn
	switch q := q.(type) {
	case *DB:
		taken, _, err := q.acquire(ctx)
		if err != nil {
			return nil, err
		}
		defer release(taken)
		conn = taken.Conn()
	case *pgxpool.Pool:
		taken, err := q.Acquire(ctx)
		if err != nil {
			return nil, err
		}
		defer release(taken)
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
