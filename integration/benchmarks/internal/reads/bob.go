package reads

import (
	"context"
	"database/sql"

	"github.com/stephenafamo/bob"
	"github.com/stephenafamo/bob/dialect/psql"
	"github.com/stephenafamo/bob/dialect/psql/sm"
	"github.com/stephenafamo/scan"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

func bobMany[T any](s shape[T]) reader {
	return overSQL("bob", func(conn *sql.DB) (measure.Op, error) {
		db := bob.NewDB(conn)
		mapper := scan.StructMapper[T]()
		return func(ctx context.Context) (measure.Seen, error) {
			query := psql.Select(sm.Columns(psql.Raw(s.columns)), sm.From(s.table), sm.OrderBy("id"), sm.Limit(s.rows))
			all, err := bob.All(ctx, db, query, mapper)
			return s.saw(all), err
		}, nil
	})
}

func bobOne[T any](s shape[T]) reader {
	return overSQL("bob", func(conn *sql.DB) (measure.Op, error) {
		db := bob.NewDB(conn)
		mapper := scan.StructMapper[T]()
		return func(ctx context.Context) (measure.Seen, error) {
			query := psql.Select(sm.Columns(psql.Raw(s.columns)), sm.From(s.table), sm.Where(psql.Quote("id").EQ(psql.Arg(oneID))))
			row, err := bob.One(ctx, db, query, mapper)
			return s.sawOne(&row), err
		}, nil
	})
}

func bobStream[T any](s shape[T]) reader {
	return overSQL("bob", func(conn *sql.DB) (measure.Op, error) {
		db := bob.NewDB(conn)
		mapper := scan.StructMapper[T]()
		return func(ctx context.Context) (measure.Seen, error) {
			query := psql.Select(sm.Columns(psql.Raw(s.columns)), sm.From(s.table), sm.OrderBy("id"), sm.Limit(s.rows))
			cursor, err := bob.Cursor(ctx, db, query, mapper)
			if err != nil {
				return measure.Seen{}, err
			}
			defer cursor.Close()
			var seen measure.Seen
			for cursor.Next() {
				row, err := cursor.Get()
				if err != nil {
					return seen, err
				}
				seen.Rows++
				seen.Last = s.id(&row)
			}
			return seen, cursor.Err()
		}, nil
	})
}
