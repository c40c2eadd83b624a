package reads

import (
	"context"

	"github.com/georgysavva/scany/v2/pgxscan"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

func scanyMany[T any](s shape[T]) reader {
	sql := s.sql()
	return overPool("scany", func(ctx context.Context, pool *pgxpool.Pool) (measure.Seen, error) {
		var all []T
		err := pgxscan.Select(ctx, pool, &all, sql, s.rows)
		return s.saw(all), err
	})
}

func scanyOne[T any](s shape[T]) reader {
	sql := s.sqlByID()
	return overPool("scany", func(ctx context.Context, pool *pgxpool.Pool) (measure.Seen, error) {
		var row T
		err := pgxscan.Get(ctx, pool, &row, sql, oneID)
		return s.sawOne(&row), err
	})
}

func scanyStream[T any](s shape[T]) reader {
	sql := s.sql()
	return overPool("scany", func(ctx context.Context, pool *pgxpool.Pool) (measure.Seen, error) {
		rows, err := pool.Query(ctx, sql, s.rows)
		if err != nil {
			return measure.Seen{}, err
		}
		defer rows.Close()
		scan := pgxscan.NewRowScanner(rows)
		var seen measure.Seen
		for rows.Next() {
			var row T
			if err := scan.Scan(&row); err != nil {
				return seen, err
			}
			seen.Rows++
			seen.Last = s.id(&row)
		}
		return seen, rows.Err()
	})
}
