package writes

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

func (k kind[T]) list() string { return "(\"" + strings.Join(k.names, "\", \"") + "\")" }

// streamCopy sends bytes that were encoded before: the cost of COPY without an
// encoder.
func streamCopy[T any](t Target, j job[T]) measure.Subject {
	var stream []byte
	open := func(ctx context.Context, t Target) (*pgxpool.Pool, func(), error) {
		pool, closePool, err := openPool(ctx, t)
		if err == nil {
			stream, err = encodeStream(j)
		}
		return pool, closePool, err
	}
	return subject(t, j, "stream", open, func(ctx context.Context, pool *pgxpool.Pool, table string) (measure.Seen, error) {
		return copyBytes(ctx, pool, "COPY "+table+" "+j.kind.list()+" FROM STDIN BINARY", stream)
	})
}

func copyBytes(ctx context.Context, pool *pgxpool.Pool, sql string, stream []byte) (measure.Seen, error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return measure.Seen{}, err
	}
	defer conn.Release()
	tag, err := conn.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(stream), sql)
	return wrote(tag.RowsAffected()), err
}

// encodeStream encodes the rows in COPY's binary format, by pgx's encoders.
func encodeStream[T any](j job[T]) ([]byte, error) {
	types := pgtype.NewMap()
	b := append([]byte("PGCOPY\n\377\r\n\000"), make([]byte, 8)...)
	for i := range j.rows {
		values := j.kind.values(&j.rows[i])
		b = append(b, byte(len(values)>>8), byte(len(values)))
		for _, v := range values {
			known, ok := types.TypeForValue(v)
			if !ok {
				return nil, fmt.Errorf("no type for %T", v)
			}
			at := len(b)
			b = append(b, 0xff, 0xff, 0xff, 0xff) // NULL
			encoded, err := types.Encode(known.OID, pgx.BinaryFormatCode, v, b)
			if err != nil {
				return nil, err
			}
			if encoded != nil {
				b = encoded
				binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
			}
		}
	}
	return append(b, 0xff, 0xff), nil
}

func pgxCopyFrom[T any](t Target, j job[T]) measure.Subject {
	return subject(t, j, "pgx-copyfrom", openPool, func(ctx context.Context, pool *pgxpool.Pool, table string) (measure.Seen, error) {
		n, err := pool.CopyFrom(ctx, pgx.Identifier{table}, j.kind.names,
			pgx.CopyFromSlice(len(j.rows), func(i int) ([]any, error) { return j.kind.values(&j.rows[i]), nil }))
		return wrote(n), err
	})
}

// pgxCopyCSV sends a file, which the server parses.
func pgxCopyCSV(t Target, j job[Narrow], file []byte) measure.Subject {
	return subject(t, j, "floor", openPool, func(ctx context.Context, pool *pgxpool.Pool, table string) (measure.Seen, error) {
		return copyBytes(ctx, pool, "COPY "+table+" FROM STDIN (FORMAT csv, HEADER)", file)
	})
}

// pgxBatch pipelines single statements, 1,000 at a time; sql follows the
// values.
func pgxBatch[T any](t Target, j job[T], sql string) measure.Subject {
	places := make([]string, len(j.kind.names))
	for i := range places {
		places[i] = fmt.Sprintf("$%d", i+1)
	}
	return subject(t, j, "pgx-batch", openPool, func(ctx context.Context, pool *pgxpool.Pool, table string) (measure.Seen, error) {
		text := "INSERT INTO " + table + " " + j.kind.list() + " VALUES (" + strings.Join(places, ", ") + ")" + sql
		err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			return inChunks(j.rows, 1000, func(rows []T) error {
				var batch pgx.Batch
				for i := range rows {
					batch.Queue(text, j.kind.values(&rows[i])...)
				}
				return tx.SendBatch(ctx, &batch).Close()
			})
		})
		return j.seen(), err // the batch fails where a statement does
	})
}

// pgxValues writes INSERT ... VALUES (...), (...) of 1,000 rows.
func pgxValues[T any](t Target, j job[T]) measure.Subject {
	return subject(t, j, "pgx-values", openPool, func(ctx context.Context, pool *pgxpool.Pool, table string) (seen measure.Seen, err error) {
		err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			return inChunks(j.rows, 1000, func(rows []T) error {
				var text strings.Builder
				text.WriteString("INSERT INTO " + table + " " + j.kind.list() + " VALUES ")
				args := make([]any, 0, len(rows)*len(j.kind.names))
				for i := range rows {
					appendPlaces(&text, i, len(args), len(j.kind.names))
					args = append(args, j.kind.values(&rows[i])...)
				}
				tag, err := tx.Exec(ctx, text.String(), args...)
				seen.Rows += int(tag.RowsAffected())
				return err
			})
		})
		return seen, err
	})
}

func appendPlaces(text *strings.Builder, row, args, columns int) {
	if row > 0 {
		text.WriteByte(',')
	}
	text.WriteByte('(')
	for i := range columns {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(text, "$%d", args+i+1)
	}
	text.WriteByte(')')
}

func inChunks[T any](rows []T, size int, do func([]T) error) error {
	for len(rows) > 0 {
		n := min(size, len(rows))
		if err := do(rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}
