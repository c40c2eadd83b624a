package batchinsert

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/progress"
	"github.com/headrace/headrace/internal/rowscan"
	"github.com/headrace/headrace/internal/target"
)

// InsertReturning inserts rows and returns the inserted values of each, in the
// order of the rows: R is a struct whose fields are columns of the table, like
// T, or the type of the single column that returning names.
//
// returning names columns; without it, they are R's. A row that a trigger
// suppresses is an error, a [*RowError]: there are no values to return for it.
//
// INSERT ... RETURNING guarantees no order and cannot tell to which row an
// answer belongs. From PostgreSQL 17 on, this is one MERGE per Options.ChunkRows
// rows, whose RETURNING can. On 15 and 16 it is one INSERT per Options.ChunkRows
// rows, which these versions answer in order. Views, foreign tables and tables
// with rules, and on 15 and 16 tables with BEFORE INSERT triggers for each row,
// require single INSERTs, which are sent in one round trip per Options.ChunkRows
// rows; an error of the server then is a [*RowError].
//
// After an error no row was inserted, unless it wraps [ErrOutcomeUnknown].
func InsertReturning[R, T any](ctx context.Context, w Writer, t *Table[T], rows Source[T], returning ...string) ([]R, error) {
	decoder, err := rowscan.For[R]()
	if err != nil {
		return nil, fmt.Errorf("insert into %s: %w", t.name, err)
	}
	if t, err = t.metered(); err != nil {
		return nil, err
	}
	var out []R
	err = target.Retry(ctx, w, rows.seq == nil, func() error {
		return target.WriteTx(ctx, w, func(tx pgx.Tx) error {
			r := returningInsert[R, T]{table: t, tx: tx, decoder: decoder}
			if err := r.prepare(ctx, returning); err != nil {
				return err
			}
			out, err = r.run(ctx, rows)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("insert into %s: %w", t.name, withCause(ctx, err))
	}
	t.meter.End()
	return out, nil
}

// A returningInsert is one call of InsertReturning, in its transaction.
type returningInsert[R, T any] struct {
	table   *Table[T]
	tx      pgx.Tx
	decoder *rowscan.Decoder[R]
	match   *target.Match
	columns []string // quoted, to return
}

// prepare determines the columns to write and to return.
func (r *returningInsert[R, T]) prepare(ctx context.Context, returning []string) error {
	s, err := target.ReadSchema(ctx, r.tx, r.table.quoted)
	if err != nil {
		return err
	}
	if r.match, err = r.table.matchFields(s, nil); err != nil {
		return err
	}
	if len(returning) == 0 {
		returning = s.ColumnsOf(r.decoder.Columns())
	}
	if len(returning) == 0 {
		return fmt.Errorf("%v does not say which columns to return; name them", reflect.TypeFor[R]())
	}
	for _, name := range returning {
		if s.Column(name) == nil {
			return fmt.Errorf("the table has no column %q to return; it has %s", name, s.Names())
		}
		r.columns = append(r.columns, target.Quote(name))
	}
	return nil
}

// run inserts all rows, a chunk at a time.
func (r *returningInsert[R, T]) run(ctx context.Context, rows Source[T]) ([]R, error) {
	insert := r.insertSingly
	switch s, version := r.match.Schema, serverVersion(r.tx.Conn()); {
	case version >= 17 && s.Mergeable:
		insert = r.insertByMerge
	case (version == 15 || version == 16) && (s.Kind == 'r' || s.Kind == 'p') && !s.BeforeTrigger && !s.Rules:
		insert = r.insertOrdered
	}
	var out []R
	for chunk, err := range chunks(rows, r.table.chunkRows()) {
		if err != nil {
			return nil, fmt.Errorf("row %d of the source: %w", len(out)+len(chunk)+1, err)
		}
		got, err := byStatements(chunk, int64(len(out)), func(chunk []T, before int64) ([]R, error) { return insert(ctx, chunk, before) })
		if err != nil {
			return nil, err
		}
		out = append(out, got...)
		r.table.meter.At(progress.State{Rows: int64(len(out))})
	}
	if out == nil {
		out = []R{}
	}
	if r.match.WritesIdentity() {
		return out, target.MoveSequences(ctx, r.tx, r.table.quoted, r.match)
	}
	return out, nil
}

// byStatements inserts a chunk, or its halves if it is too large for one
// statement. before is the number of rows before it.
func byStatements[R, T any](chunk []T, before int64, insert func(chunk []T, before int64) ([]R, error)) ([]R, error) {
	out, err := insert(chunk, before)
	if !errors.Is(err, errTooLarge) {
		return out, err
	}
	half := len(chunk) / 2
	out, err = byStatements(chunk[:half], before, insert)
	if err != nil {
		return nil, err
	}
	more, err := byStatements(chunk[half:], before+int64(half), insert)
	return append(out, more...), err
}

// insertByMerge inserts a chunk by one MERGE. before is the number of rows
// before it.
func (r *returningInsert[R, T]) insertByMerge(ctx context.Context, chunk []T, before int64) ([]R, error) {
	g, err := arraysOf(r.tx.Conn(), r.match, chunk)
	if err != nil {
		return nil, offsetRow(err, before)
	}
	ord := g.OrderName()
	rows, err := r.tx.Query(ctx, `WITH written AS (
    MERGE INTO `+r.table.quoted+` AS target USING `+g.Table()+` ON false
    WHEN NOT MATCHED THEN INSERT (`+r.match.List("")+`)`+r.match.Overriding()+` VALUES (`+r.match.List("given.")+`)
    RETURNING `+prefixedBy("target.", r.columns)+`, given.`+ord+`
)
SELECT * FROM written ORDER BY `+ord, g.Args...)
	if err != nil {
		return nil, err
	}
	numbered := &numberedRows{Rows: rows}
	out, err := r.decoder.All(numbered, 0)
	if err == nil && len(out) < len(chunk) {
		err = &RowError{Row: before + int64(numbered.firstGap()), Err: errNotInserted}
	}
	return out, err
}

// insertOrdered inserts a chunk by one INSERT. The server inserts the rows in
// the order of the query and returns each before it reads the next
// (ExecModifyTable of PostgreSQL 15 and 16), unless a trigger suppresses one.
func (r *returningInsert[R, T]) insertOrdered(ctx context.Context, chunk []T, before int64) ([]R, error) {
	g, err := arraysOf(r.tx.Conn(), r.match, chunk)
	if err != nil {
		return nil, offsetRow(err, before)
	}
	rows, err := r.tx.Query(ctx, r.insertFrom(g), g.Args...)
	if err != nil {
		return nil, err
	}
	out, err := r.decoder.All(rows, 0)
	if err == nil && len(out) != len(chunk) { // by a new trigger
		err = fmt.Errorf("%d rows were sent, and the server inserted %d", len(chunk), len(out))
	}
	return out, err
}

// insertFrom returns the INSERT of the rows of g in their order.
func (r *returningInsert[R, T]) insertFrom(g *target.Relation) string {
	return "INSERT INTO " + r.table.quoted + " (" + r.match.List("") + ")" + r.match.Overriding() +
		"\nSELECT " + strings.Join(g.Exprs, ", ") + "\nFROM " + g.From + "\nORDER BY " + g.Order +
		"\nRETURNING " + strings.Join(r.columns, ", ")
}

// insertSingly inserts a chunk by one INSERT per row, in one round trip.
func (r *returningInsert[R, T]) insertSingly(ctx context.Context, chunk []T, before int64) ([]R, error) {
	query, done, err := r.queryEach(ctx, chunk, before)
	if err != nil {
		return nil, err
	}
	out := make([]R, 0, len(chunk))
	for i := range chunk {
		rows, err := query(i)
		if err == nil {
			var one []R
			one, err = r.decoder.All(rows, 0)
			out = append(out, one...)
		}
		if err == nil && len(out) == i {
			err = errNotInserted
		}
		if err != nil {
			_ = done() // returns the same error
			return nil, &RowError{Row: before + int64(i) + 1, Err: err}
		}
	}
	return out, done()
}

// queryEach sends an INSERT for each row of a chunk. query returns the answers
// in turn. On a connection that does not send arguments in binary by default,
// each takes a round trip, since a batch cannot request it.
func (r *returningInsert[R, T]) queryEach(ctx context.Context, chunk []T, before int64) (query func(i int) (pgx.Rows, error), done func() error, err error) {
	each := make([]*target.Relation, len(chunk))
	for i := range chunk {
		if each[i], err = arraysOf(r.tx.Conn(), r.match, chunk[i:i+1]); err != nil {
			return nil, nil, offsetRow(err, before+int64(i))
		}
	}
	if sessionOf(r.tx.Conn()).mode != nil {
		query = func(i int) (pgx.Rows, error) { return r.tx.Query(ctx, r.insertFrom(each[i]), each[i].Args...) }
		return query, func() error { return nil }, nil
	}
	batch := &pgx.Batch{}
	for _, g := range each {
		batch.Queue(r.insertFrom(g), g.Args...)
	}
	results := r.tx.SendBatch(ctx, batch)
	return func(int) (pgx.Rows, error) { return results.Query() }, results.Close, nil
}

func prefixedBy(prefix string, names []string) string {
	return prefix + strings.Join(names, ", "+prefix)
}

// serverVersion returns the server's major version.
func serverVersion(conn *pgx.Conn) int {
	version := conn.PgConn().ParameterStatus("server_version")
	digits := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if digits >= 0 {
		version = version[:digits]
	}
	n, _ := strconv.Atoi(version) // 0, the oldest, if it is not a number
	return n
}

// numberedRows hides the last column, the row's number in the chunk from 1, and
// records the first gap.
type numberedRows struct {
	pgx.Rows
	seen int
	gap  int // the first missing number
}

func (n *numberedRows) FieldDescriptions() []pgconn.FieldDescription {
	all := n.Rows.FieldDescriptions()
	if len(all) == 0 {
		return all
	}
	return all[:len(all)-1]
}

func (n *numberedRows) RawValues() [][]byte {
	all := n.Rows.RawValues()
	return all[:len(all)-1]
}

func (n *numberedRows) Next() bool {
	if !n.Rows.Next() {
		return false
	}
	n.seen++
	if n.gap == 0 && n.number() != n.seen {
		n.gap = n.seen
	}
	return true
}

// number reads the hidden column, a bigint in binary or text.
func (n *numberedRows) number() int {
	all, columns := n.Rows.RawValues(), n.Rows.FieldDescriptions()
	last := all[len(all)-1]
	if columns[len(columns)-1].Format == pgx.BinaryFormatCode {
		return int(binary.BigEndian.Uint64(last))
	}
	number, _ := strconv.Atoi(string(last))
	return number
}

// firstGap returns the first missing number, after the rows have been read to
// their end.
func (n *numberedRows) firstGap() int {
	if n.gap > 0 {
		return n.gap
	}
	return n.seen + 1
}
