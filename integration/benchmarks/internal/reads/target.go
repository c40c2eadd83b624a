package reads

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/benchmarks/internal/replay"
)

// Target is a server, or the recording of one, to which each subject has one
// connection.
type Target struct{ config *pgxpool.Config }

// NewTarget connects to a server without TLS, whose work would be measured too.
func NewTarget(connString string) (Target, error) {
	config, err := pgxpool.ParseConfig(connString)
	if err != nil {
		return Target{}, fmt.Errorf("parse connection string: %w", err)
	}
	config.MaxConns = 1
	config.ConnConfig.TLSConfig = nil
	config.ConnConfig.Fallbacks = nil
	return Target{config}, nil
}

// through returns a target whose connections are opened by dial.
func (t Target) through(dial replay.Dialer) Target {
	config := t.config.Copy()
	config.ConnConfig.DialFunc = dial
	return Target{config}
}

// reader is one way of reading. Opened on a target it is a subject.
type reader struct {
	name string
	open func(ctx context.Context, t Target) (measure.Op, func(), error)
}

// closing returns r with a further step of its close. Memory that a closed
// reader holds would be marked by the garbage collector in all later works.
func (r reader) closing(also func()) reader {
	return reader{r.name, func(ctx context.Context, t Target) (measure.Op, func(), error) {
		op, closeFn, err := r.open(ctx, t)
		return op, func() { closeFn(); also() }, err
	}}
}

// overPool is a reader on pgx.
func overPool(name string, read func(context.Context, *pgxpool.Pool) (measure.Seen, error)) reader {
	return reader{name, func(ctx context.Context, t Target) (measure.Op, func(), error) {
		pool, err := pgxpool.NewWithConfig(ctx, t.config.Copy())
		if err != nil {
			return nil, nil, err
		}
		return func(ctx context.Context) (measure.Seen, error) { return read(ctx, pool) }, pool.Close, nil
	}}
}

// overSQL is a reader on database/sql with pgx as its driver.
func overSQL(name string, prepare func(*sql.DB) (measure.Op, error)) reader {
	return reader{name, func(_ context.Context, t Target) (measure.Op, func(), error) {
		db := stdlib.OpenDB(*t.config.ConnConfig.Copy())
		db.SetMaxOpenConns(1)
		db.SetMaxIdleConns(1)
		closeDB := func() { _ = db.Close() }
		op, err := prepare(db)
		if err != nil {
			closeDB()
			return nil, nil, err
		}
		return op, closeDB, nil
	}}
}
