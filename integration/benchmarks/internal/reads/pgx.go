package reads

import (
	"context"
	"encoding/binary"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

// floorMany iterates over the rows and decodes the keys only: the cost of the
// protocol, and a lower bound for readers on pgx.
func floorMany[T any](s shape[T]) reader {
	return floor(s.sql(), s.rows)
}

func floorOne[T any](s shape[T]) reader {
	return floor(s.sqlByID(), oneID)
}

func floor(sql string, arg any) reader {
	return overPool("floor", func(ctx context.Context, pool *pgxpool.Pool) (measure.Seen, error) {
		rows, err := pool.Query(ctx, sql, arg)
		if err != nil {
			return measure.Seen{}, err
		}
		defer rows.Close()
		var seen measure.Seen
		for rows.Next() {
			seen.Rows++
			seen.Last = int64(binary.BigEndian.Uint64(rows.RawValues()[0]))
		}
		return seen, rows.Err()
	})
}

// scanMany scans rows as programs do by hand.
func scanMany[T any](s shape[T]) reader {
	return scanInto(s, "pgx-scan", func() []T { return nil })
}

// scanPrealloc is the same with a slice of the right capacity.
func scanPrealloc[T any](s shape[T]) reader {
	return scanInto(s, "pgx-scan-prealloc", func() []T { return make([]T, 0, s.rows) })
}

// scanAppend is the same into the same slice each time.
func scanAppend[T any](s shape[T]) reader {
	var all []T
	r := scanInto(s, "pgx-scan-append", func() []T {
		if all == nil {
			all = make([]T, 0, s.rows)
		}
		return all[:0]
	})
	return r.closing(func() { all = nil })
}

func scanInto[T any](s shape[T], name string, room func() []T) reader {
	sql := s.sql()
	return overPool(name, func(ctx context.Context, pool *pgxpool.Pool) (measure.Seen, error) {
		rows, err := pool.Query(ctx, sql, s.rows)
		if err != nil {
			return measure.Seen{}, err
		}
		defer rows.Close()
		all := room()
		for rows.Next() {
			var row T
			if err := s.scan(rows, &row); err != nil {
				return measure.Seen{}, err
			}
			all = append(all, row)
		}
		return s.saw(all), rows.Err()
	})
}

func scanOne[T any](s shape[T]) reader {
	sql := s.sqlByID()
	return overPool("pgx-scan", func(ctx context.Context, pool *pgxpool.Pool) (measure.Seen, error) {
		var row T
		if err := s.scan(pool.QueryRow(ctx, sql, oneID), &row); err != nil {
			return measure.Seen{}, err
		}
		return s.sawOne(&row), nil
	})
}

func scanStream[T any](s shape[T]) reader {
	return collectStream(s, "pgx-scan", func(rows pgx.CollectableRow) (row T, err error) {
		err = s.scan(rows, &row)
		return row, err
	})
}

func byNameMany[T any](s shape[T]) reader {
	return collectMany(s, "pgx-byname", pgx.RowToStructByName[T])
}
func byPosMany[T any](s shape[T]) reader { return collectMany(s, "pgx-bypos", pgx.RowToStructByPos[T]) }
func byNameOne[T any](s shape[T]) reader {
	return collectOne(s, "pgx-byname", pgx.RowToStructByName[T])
}
func byPosOne[T any](s shape[T]) reader { return collectOne(s, "pgx-bypos", pgx.RowToStructByPos[T]) }
func byNameStream[T any](s shape[T]) reader {
	return collectStream(s, "pgx-byname", pgx.RowToStructByName[T])
}
func byPosStream[T any](s shape[T]) reader {
	return collectStream(s, "pgx-bypos", pgx.RowToStructByPos[T])
}

func collectMany[T any](s shape[T], name string, toRow pgx.RowToFunc[T]) reader {
	sql := s.sql()
	return overPool(name, func(ctx context.Context, pool *pgxpool.Pool) (measure.Seen, error) {
		rows, err := pool.Query(ctx, sql, s.rows)
		if err != nil {
			return measure.Seen{}, err
		}
		all, err := pgx.CollectRows(rows, toRow)
		return s.saw(all), err
	})
}

func collectOne[T any](s shape[T], name string, toRow pgx.RowToFunc[T]) reader {
	sql := s.sqlByID()
	return overPool(name, func(ctx context.Context, pool *pgxpool.Pool) (measure.Seen, error) {
		rows, err := pool.Query(ctx, sql, oneID)
		if err != nil {
			return measure.Seen{}, err
		}
		row, err := pgx.CollectExactlyOneRow(rows, toRow)
		return s.sawOne(&row), err
	})
}

func collectStream[T any](s shape[T], name string, toRow pgx.RowToFunc[T]) reader {
	sql := s.sql()
	return overPool(name, func(ctx context.Context, pool *pgxpool.Pool) (measure.Seen, error) {
		rows, err := pool.Query(ctx, sql, s.rows)
		if err != nil {
			return measure.Seen{}, err
		}
		defer rows.Close()
		var seen measure.Seen
		var last T
		for rows.Next() {
			row, err := toRow(rows)
			if err != nil {
				return seen, err
			}
			seen.Rows++
			last = row
		}
		seen.Last = s.id(&last)
		return seen, rows.Err()
	})
}
