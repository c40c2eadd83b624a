package db

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/argkey"
	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/sqltext"
)

// Batcher sends statements together. *DB, pgx.Tx, *pgxpool.Pool,
// *pgxpool.Conn and *pgx.Conn are Batchers.
type Batcher interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// A Gatherable is a read that Gather can make: a *Gathered of any type.
type Gatherable interface{ gatherable() *gathered }

// A Gathered is a read that waits for Gather, and then its answer. It belongs
// to one goroutine at a time.
type Gathered[V any] struct {
	gathered
	value V
}

// gathered is what Gather needs of a Gathered.
type gathered struct {
	text    *sqltext.Statement
	sql     string // as it is sent
	args    []any
	collect func(rows pgx.Rows, maxRows int) error // nil for what cannot be read
	err     error

	runs int // how often it was sent
}

func (g *gathered) gatherable() *gathered { return g }

var errNotGathered = errors.New("db: the read was not made: give it to Gather")

// Value returns the answer, or the error of this read alone.
func (g *Gathered[V]) Value() (V, error) { return g.value, g.err }

// GatherAll prepares the read of all rows for Gather; see All.
func (s *Stmt[T]) GatherAll(args ...any) *Gathered[[]T] {
	return toGather(s.text, s.sqlFor(args), args, s.read.decoder.All)
}

// GatherOne prepares the read of the only row for Gather; see One.
func (s *Stmt[T]) GatherOne(args ...any) *Gathered[T] {
	return toGather(s.text, s.sqlFor(args), args, s.read.first)
}

// GatherAll prepares the read of all rows of the statement that b makes.
func GatherAll[T any](b Builder) *Gathered[[]T] {
	r, sql, args, err := built[T](b)
	if err != nil {
		return &Gathered[[]T]{gathered: gathered{err: err}}
	}
	return toGather(sqltext.Analyze(sql), sql, args, r.decoder.All)
}

// GatherOne prepares the read of the only row of the statement that b makes.
func GatherOne[T any](b Builder) *Gathered[T] {
	r, sql, args, err := built[T](b)
	if err != nil {
		return &Gathered[T]{gathered: gathered{err: err}}
	}
	return toGather(sqltext.Analyze(sql), sql, args, r.first)
}

// first reads the only row.
func (r reader[T]) first(rows pgx.Rows, _ int) (T, error) { return r.decoder.One(rows) }

func toGather[V any](text *sqltext.Statement, sql string, args []any, decode func(pgx.Rows, int) (V, error)) *Gathered[V] {
	g := &Gathered[V]{gathered: gathered{text: text, sql: sql, args: args}}
	if err := errors.Join(checkGather(text), checkGatherArgs(args)); err != nil {
		g.err = fmt.Errorf("db: gather %s: %w", text.Label(), err)
		return g
	}
	g.err = errNotGathered
	g.collect = func(rows pgx.Rows, maxRows int) (err error) {
		g.value, err = decode(rows, maxRows)
		return err
	}
	return g
}

// checkGather refuses a statement whose text shows that it writes: what is
// gathered may be run again.
func checkGather(t *sqltext.Statement) error {
	if err := t.CheckSingle(); err != nil {
		return err
	}
	if t.ReadOnly == sqltext.No {
		return errors.New("the statement is not a read: what is gathered may be run again")
	}
	return nil
}

// checkGatherArgs refuses what pgx takes before a statement's arguments, but for
// query rewriters: it would go to the server as an argument.
func checkGatherArgs(args []any) error {
	n, _ := argkey.Special(args)
	for _, arg := range args[:n] {
		if _, ok := arg.(pgx.QueryRewriter); !ok {
			return fmt.Errorf("the arguments hold a %T: what is gathered goes out in the mode and the formats of its connection", arg)
		}
	}
	return nil
}

// Gather makes independent reads in one round trip, and returns their errors
// joined, each with its statement; each Gathered has its own.
//
//	city, roads := cityByID.GatherOne(42), roadsOf.GatherAll(42)
//	err := db.Gather(ctx, pg, city, roads)
//
// The server runs the reads in order, outside of a transaction of the caller
// in one of its own, and gives up at the first one that fails. That one gets
// the error, and those behind it are sent again in one round trip more; so a
// function that writes, called by one of them, may do so twice. Inside a
// transaction of the caller nothing can run any more: those behind get the
// error too, wrapped.
//
// Reads see one snapshot only in a transaction that says so (repeatable read).
// Through a cached handle Gather asks the server.
func Gather(ctx context.Context, q Batcher, reads ...Gatherable) error {
	if cached, ok := q.(cacheapi.TypedReader); ok {
		q = sourceOf(cached)
	}
	var todo []*gathered
	for _, read := range reads {
		if g := read.gatherable(); g.collect != nil {
			g.runs = 0
			todo = append(todo, g)
		}
	}
	for len(todo) > 0 {
		todo = gatherBatch(ctx, q, todo)
	}
	errs := make([]error, len(reads))
	for i, read := range reads {
		g := read.gatherable()
		if errs[i] = g.err; g.err == pgx.ErrNoRows { //nolint:errorlint // settle sets it bare
			errs[i] = fmt.Errorf("db: read %s: %w", g.text.Label(), g.err)
		}
	}
	return errors.Join(errs...)
}

// gatherBatch sends reads, and returns those that are to be sent again.
func gatherBatch(ctx context.Context, q Batcher, reads []*gathered) []*gathered {
	var batch pgx.Batch
	for _, g := range reads {
		g.runs++
		batch.Queue(g.sql, g.args...)
	}
	results := q.SendBatch(ctx, &batch)
	end := sync.OnceValue(results.Close)
	defer func() { _ = end() }() // for a scan that panics
	for i, g := range reads {
		rows, err := results.Query()
		if err == nil {
			err = g.collect(rows, maxRows(ctx, q, rows))
		}
		g.settle(err)
		if !endsBatch(err) {
			continue
		}
		_ = end() // it repeats the error
		if endsUnseen(err) {
			for _, g := range reads[i:] {
				g.err = fmt.Errorf("db: read %s, one of %d gathered: no answer came: %w", g.text.Label(), len(reads), err)
			}
			return nil
		}
		if connecterror.LostStatementName(err) && mayBatchAgain(ctx, q) {
			return oneByOne(ctx, q, reads[i:], err)
		}
		if prepare, ok := errors.AsType[pgx.ErrPreprocessingBatch](err); ok {
			return blame(ctx, q, reads, prepare)
		}
		return again(ctx, q, g, reads[i+1:], err)
	}
	if err := end(); err != nil {
		for _, g := range reads { // the end of them all failed
			if g.err == nil {
				g.settle(err)
			}
		}
	}
	return nil
}

// settle keeps how the read ended.
func (g *gathered) settle(err error) {
	switch {
	case err == nil:
		g.err = nil
	case errors.Is(err, pgx.ErrNoRows):
		g.err = pgx.ErrNoRows
	default:
		g.err = readError(g.text.Label, err)
	}
}

// endsBatch tells whether the batch ended with err, other than an answer that
// did not fit the value.
func endsBatch(err error) bool {
	if err == nil {
		return false
	}
	var prepare pgx.ErrPreprocessingBatch
	var connect *pgconn.ConnectError
	return connecterror.IsServer(err) || errors.As(err, &prepare) || errors.As(err, &connect) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// endsUnseen reports whether the batch ended with the context. The server keeps
// small answers until the batch is done, so that which read it was at is not
// known.
func endsUnseen(err error) bool {
	return !connecterror.IsServer(err) && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
}

// blame gives the error of a statement that could not be prepared, or whose
// arguments could not be encoded, to the reads with its text: pgx reports it
// with the first read of the batch. Nothing of the batch has run. It returns
// the reads that are to be sent again.
func blame(ctx context.Context, q Batcher, reads []*gathered, err pgx.ErrPreprocessingBatch) []*gathered {
	var same, rest []*gathered
	for _, g := range reads {
		if g.sql == err.SQL() {
			same = append(same, g)
		} else {
			rest = append(rest, g)
		}
	}
	alone := !connecterror.IsServer(err) // it is the arguments, and each has its own
	if len(same) == 0 {                  // a rewriter changed the text: it may be any
		same, rest, alone = reads, nil, true
	}
	for _, g := range same {
		if alone && len(reads) > 1 && mayBatchAgain(ctx, q) {
			gatherBatch(ctx, q, []*gathered{g})
		} else {
			g.settle(err.Unwrap())
		}
	}
	if !mayBatchAgain(ctx, q) {
		giveUp(rest, err)
		return nil
	}
	return rest
}

// again decides on the reads behind the one that failed.
func again(ctx context.Context, q Batcher, failed *gathered, rest []*gathered, err error) []*gathered {
	if !connecterror.IsServer(err) || !mayBatchAgain(ctx, q) {
		giveUp(rest, err)
		return nil
	}
	if !connecterror.StalePlan(err) {
		return rest
	}
	reads := append([]*gathered{failed}, rest...)
	if failed.runs == mostRuns-1 {
		return oneByOne(ctx, q, reads, err)
	}
	return reads
}

// oneByOne makes reads one by one and names no statement, which a batch of pgx
// cannot. It returns nil: no read is left to send.
func oneByOne(ctx context.Context, q Batcher, reads []*gathered, err error) []*gathered {
	querier, ok := q.(Querier)
	if !ok {
		giveUp(reads[1:], err)
		return nil
	}
	for _, g := range reads {
		_, err := queryOnce(ctx, querier, g.sql, nameless(g.args), func(rows pgx.Rows) (struct{}, error) {
			return struct{}{}, g.collect(rows, maxRows(ctx, q, rows))
		})
		g.settle(err)
	}
	return nil
}

// giveUp tells reads that could not be made why.
func giveUp(reads []*gathered, err error) {
	for _, g := range reads {
		g.err = fmt.Errorf("db: read %s: not run, since another read failed: %w", g.text.Label(), err)
	}
}

// mayBatchAgain reports whether q can still run statements: a connection
// cannot that is closed or in a failed transaction.
func mayBatchAgain(ctx context.Context, q Batcher) bool {
	conn := connOf(q)
	switch {
	case conn == nil:
		return true
	case conn.IsClosed():
		return false
	case idle(conn):
		return handleOf(conn).dropStale(ctx, conn) == nil // a pool does it when it hands a connection out
	}
	return conn.PgConn().TxStatus() == 'T'
}
