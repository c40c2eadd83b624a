package reads

import (
	"context"
	"database/sql"

	"github.com/jmoiron/sqlx"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

func sqlxMany[T any](s shape[T]) reader {
	text := s.sql()
	return overSQL("sqlx", func(conn *sql.DB) (measure.Op, error) {
		db := sqlx.NewDb(conn, "pgx")
		return func(ctx context.Context) (measure.Seen, error) {
			var all []T
			err := db.SelectContext(ctx, &all, text, s.rows)
			return s.saw(all), err
		}, nil
	})
}

func sqlxOne[T any](s shape[T]) reader {
	text := s.sqlByID()
	return overSQL("sqlx", func(conn *sql.DB) (measure.Op, error) {
		db := sqlx.NewDb(conn, "pgx")
		return func(ctx context.Context) (measure.Seen, error) {
			var row T
			err := db.GetContext(ctx, &row, text, oneID)
			return s.sawOne(&row), err
		}, nil
	})
}

func sqlxStream[T any](s shape[T]) reader {
	text := s.sql()
	return overSQL("sqlx", func(conn *sql.DB) (measure.Op, error) {
		db := sqlx.NewDb(conn, "pgx")
		return func(ctx context.Context) (measure.Seen, error) {
			rows, err := db.QueryxContext(ctx, text, s.rows)
			if err != nil {
				return measure.Seen{}, err
			}
			defer rows.Close()
			var seen measure.Seen
			for rows.Next() {
				var row T
				if err := rows.StructScan(&row); err != nil {
					return seen, err
				}
				seen.Rows++
				seen.Last = s.id(&row)
			}
			return seen, rows.Err()
		}, nil
	})
}
