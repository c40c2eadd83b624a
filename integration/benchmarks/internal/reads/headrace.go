package reads

import (
	"context"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

// overHeadrace is a reader on a handle as programs open it, with statistics and
// change tracking.
func overHeadrace(read func(context.Context, *db.DB) (measure.Seen, error)) reader {
	return reader{"headrace", func(ctx context.Context, t Target) (measure.Op, func(), error) {
		pg, err := db.OpenConfig(ctx, t.config.Copy(), nil)
		if err != nil {
			return nil, nil, err
		}
		return func(ctx context.Context) (measure.Seen, error) { return read(ctx, pg) }, pg.Close, nil
	}}
}

func headraceMany[T any](s shape[T]) reader {
	stmt := db.MustCompile[T](s.sql())
	return overHeadrace(func(ctx context.Context, pg *db.DB) (measure.Seen, error) {
		all, err := stmt.All(ctx, pg, s.rows)
		return s.saw(all), err
	})
}

// headraceAppend reads into the same slice each time.
func headraceAppend[T any](s shape[T]) reader {
	stmt := db.MustCompile[T](s.sql())
	var all []T
	r := overHeadrace(func(ctx context.Context, pg *db.DB) (_ measure.Seen, err error) {
		all, err = stmt.AppendTo(ctx, pg, all[:0], s.rows)
		return s.saw(all), err
	})
	r.name = "headrace-append"
	return r.closing(func() { all = nil })
}

func headraceOne[T any](s shape[T]) reader {
	stmt := db.MustCompile[T](s.sqlByID())
	return overHeadrace(func(ctx context.Context, pg *db.DB) (measure.Seen, error) {
		row, err := stmt.One(ctx, pg, oneID)
		return s.sawOne(&row), err
	})
}

// headraceQueryRow uses the handle's QueryRow and a handwritten Scan. Compared
// with pgx-scan it shows the cost of statistics and hooks.
func headraceQueryRow[T any](s shape[T]) reader {
	sql := s.sqlByID()
	r := overHeadrace(func(ctx context.Context, pg *db.DB) (measure.Seen, error) {
		var row T
		if err := s.scan(pg.QueryRow(ctx, sql, oneID), &row); err != nil {
			return measure.Seen{}, err
		}
		return s.sawOne(&row), nil
	})
	r.name = "headrace-queryrow"
	return r
}

// headraceProfiled is headraceQueryRow in a span, with slow statements logged.
func headraceProfiled[T any](s shape[T]) reader {
	sql := s.sqlByID()
	return reader{"headrace-profiled", func(ctx context.Context, t Target) (measure.Op, func(), error) {
		pg, err := db.OpenConfig(ctx, t.config.Copy(), &db.Options{SlowQuery: time.Minute})
		if err != nil {
			return nil, nil, err
		}
		ctx, span := db.Profile(ctx, "overhead")
		return func(context.Context) (measure.Seen, error) {
			var row T
			if err := s.scan(pg.QueryRow(ctx, sql, oneID), &row); err != nil {
				return measure.Seen{}, err
			}
			return s.sawOne(&row), nil
		}, func() { span.End(); pg.Close() }, nil
	}}
}

// headraceCold compiles the statement for each read, like the first read of a
// program: the size of the result is unknown.
func headraceCold[T any](s shape[T]) reader {
	sql := s.sql()
	return overHeadrace(func(ctx context.Context, pg *db.DB) (measure.Seen, error) {
		stmt, err := db.Compile[T](sql)
		if err != nil {
			return measure.Seen{}, err
		}
		all, err := stmt.All(ctx, pg, s.rows)
		return s.saw(all), err
	})
}

// headraceStream, like the streams on pgx, takes the address of the last row
// only. Taking all would cost an allocation per row, which is not the
// library's.
func headraceStream[T any](s shape[T]) reader {
	stmt := db.MustCompile[T](s.sql())
	return overHeadrace(func(ctx context.Context, pg *db.DB) (measure.Seen, error) {
		var seen measure.Seen
		var last T
		for row, err := range stmt.Each(ctx, pg, s.rows) {
			if err != nil {
				return seen, err
			}
			seen.Rows++
			last = row
		}
		seen.Last = s.id(&last)
		return seen, nil
	})
}
