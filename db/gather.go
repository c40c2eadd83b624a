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

// Batcher sends several statements in one round trip. *DB, pgx.Tx,
// *pgxpool.Pool, *pgxpool.Conn, *pgx.Conn and the cached handle of package
// querycache implement it.
type Batcher interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// A Gatherable is a read that Gather can execute: a *Gathered of any type.
type Gatherable interface{ gatherable() *gathered }

// A Gathered is a read to be executed by Gather, and its result afterwards. It
// belongs to one goroutine at a time.
type Gathered[V any] struct {
	gathered
	value V
}

// gathered is the part of a Gathered that does not depend on its type.
type gathered struct {
	text    *sqltext.Statement
	sql     string // as it is sent
	args    []any
	collect func(rows pgx.Rows, maxRows int) error // nil if the read is invalid
	err     error

	attempts int // how often it was sent
}

func (g *gathered) gatherable() *gathered { return g }

var errNotGathered = errors.New("db: read not executed: pass it to Gather")

// Value returns the result of this read, or its error.
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

// checkGather rejects a statement whose text shows that it writes: Gather may
// send a read twice.
func checkGather(t *sqltext.Statement) error {
	if err := t.CheckSingle(); err != nil {
		return err
	}
	if t.ReadOnly == sqltext.No {
		return errors.New("the statement writes: Gather accepts reads, which it may send twice")
	}
	return nil
}

// checkGatherArgs rejects pgx's special leading arguments except query
// rewriters: a batch would send them to the server as arguments.
func checkGatherArgs(args []any) error {
	n, _ := argkey.Special(args)
	for _, arg := range args[:n] {
		if _, ok := arg.(pgx.QueryRewriter); !ok {
			return fmt.Errorf("the arguments hold a %T: Gather sends reads in the mode and the formats of the connection", arg)
		}
	}
	return nil
}

// Gather executes independent reads in one round trip, and returns their errors
// joined, each naming its statement. Each Gathered holds its own result and
// error.
//
//	city, roads := cityByID.GatherOne(42), roadsOf.GatherAll(42)
//	err := db.Gather(ctx, pg, city, roads)
//
// The server runs the reads in order, in a transaction of their own unless q is
// in one, and stops at the first one that fails. The failed read gets the
// error, and Gather sends the reads after it again, in one more round trip. The
// reads before it keep their results, but what a function wrote that they called
// is rolled back: call functions that write by Exec. In a transaction of the caller nothing can run after the failure: the reads after
// it get the error too, wrapped.
//
// The reads share one snapshot only in a transaction that asks for it
// (repeatable read). Through a cached handle Gather bypasses the cache.
func Gather(ctx context.Context, q Batcher, reads ...Gatherable) error {
	if cached, ok := q.(cacheapi.TypedReader); ok {
		q = sourceOf(cached)
	}
	var todo []*gathered
	for _, read := range reads {
		if g := read.gatherable(); g.collect != nil {
			g.attempts = 0
			todo = append(todo, g)
		}
	}
	for len(todo) > 0 {
		todo = gatherBatch(ctx, q, todo)
	}
	errs := make([]error, len(reads))
	for i, read := range reads {
		g := read.gatherable()
		if errs[i] = g.err; g.err == pgx.ErrNoRows { //nolint:errorlint // setResult sets it bare
			errs[i] = fmt.Errorf("db: read %s: %w", g.text.Label(), g.err)
		}
	}
	return errors.Join(errs...)
}

// gatherBatch sends reads in one batch, and returns those to send again.
func gatherBatch(ctx context.Context, q Batcher, reads []*gathered) []*gathered {
	var batch pgx.Batch
	for _, g := range reads {
		g.attempts++
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
		g.setResult(err)
		if !endsBatch(err) {
			continue
		}
		_ = end() // it repeats the error
		if endsWithContext(err) {
			for _, g := range reads[i:] {
				g.err = fmt.Errorf("db: read %s, one of %d gathered: no result received: %w", g.text.Label(), len(reads), err)
			}
			return nil
		}
		if connecterror.LostStatementName(err) && canRetryBatch(ctx, q) {
			return readSeparately(ctx, q, reads[i:], err)
		}
		if prepare, ok := errors.AsType[pgx.ErrPreprocessingBatch](err); ok {
			return attribute(ctx, q, reads, prepare)
		}
		return retryRest(ctx, q, g, reads[i+1:], err)
	}
	if err := end(); err != nil {
		for _, g := range reads { // the batch as a whole failed
			if g.err == nil {
				g.setResult(err)
			}
		}
	}
	return nil
}

// setResult records how the read ended.
func (g *gathered) setResult(err error) {
	switch {
	case err == nil:
		g.err = nil
	case errors.Is(err, pgx.ErrNoRows):
		g.err = pgx.ErrNoRows
	default:
		g.err = readError(g.text.Label, err)
	}
}

// endsBatch reports whether err ended the batch. A result that does not fit its
// Go type does not.
func endsBatch(err error) bool {
	if err == nil {
		return false
	}
	var prepare pgx.ErrPreprocessingBatch
	var connect *pgconn.ConnectError
	return connecterror.IsServer(err) || errors.As(err, &prepare) || errors.As(err, &connect) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// endsWithContext reports whether the batch ended with the context. Which read
// was running then is unknown: the server holds back small results until the
// batch is done.
func endsWithContext(err error) bool {
	return !connecterror.IsServer(err) && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
}

// attribute assigns the error of a statement that could not be prepared, or
// whose arguments could not be encoded, to the reads with its text: pgx reports
// it with the first read of the batch. Nothing of the batch has run. attribute
// returns the reads to send again.
func attribute(ctx context.Context, q Batcher, reads []*gathered, err pgx.ErrPreprocessingBatch) []*gathered {
	var same, rest []*gathered
	for _, g := range reads {
		if g.sql == err.SQL() {
			same = append(same, g)
		} else {
			rest = append(rest, g)
		}
	}
	separate := !connecterror.IsServer(err) // an error of the arguments, which differ between reads
	if len(same) == 0 {                     // a rewriter changed the text: the error may be any read's
		same, rest, separate = reads, nil, true
	}
	for _, g := range same {
		if separate && len(reads) > 1 && canRetryBatch(ctx, q) {
			gatherBatch(ctx, q, []*gathered{g})
		} else {
			g.setResult(err.Unwrap())
		}
	}
	if !canRetryBatch(ctx, q) {
		failAll(rest, err)
		return nil
	}
	return rest
}

// retryRest decides which reads to send after one that failed.
func retryRest(ctx context.Context, q Batcher, failed *gathered, rest []*gathered, err error) []*gathered {
	if !connecterror.IsServer(err) || !canRetryBatch(ctx, q) {
		failAll(rest, err)
		return nil
	}
	if !connecterror.StalePlan(err) {
		return rest
	}
	reads := append([]*gathered{failed}, rest...)
	if failed.attempts == maxAttempts-1 {
		return readSeparately(ctx, q, reads, err)
	}
	return reads
}

// readSeparately executes reads one after the other without statement names,
// which a batch of pgx cannot avoid. It returns nil: no read is left to send.
func readSeparately(ctx context.Context, q Batcher, reads []*gathered, err error) []*gathered {
	querier, ok := q.(Querier)
	if !ok {
		failAll(reads[1:], err)
		return nil
	}
	for _, g := range reads {
		_, err := queryOnce(ctx, querier, g.sql, unnamed(g.args), func(rows pgx.Rows) (struct{}, error) {
			return struct{}{}, g.collect(rows, maxRows(ctx, q, rows))
		})
		g.setResult(err)
	}
	return nil
}

// failAll sets the error of reads that could not be executed.
func failAll(reads []*gathered, err error) {
	for _, g := range reads {
		g.err = fmt.Errorf("db: read %s: not run, since another read failed: %w", g.text.Label(), err)
	}
}

// canRetryBatch reports whether q can still run statements: its connection is
// neither closed nor in a failed transaction.
func canRetryBatch(ctx context.Context, q Batcher) bool {
	conn := connOf(q)
	switch {
	case conn == nil:
		return true
	case conn.IsClosed():
		return false
	case idle(conn):
		return handleOf(conn).deallocateStale(ctx, conn) == nil // a pool deallocates when it hands out a connection
	}
	return conn.PgConn().TxStatus() == 'T'
}
