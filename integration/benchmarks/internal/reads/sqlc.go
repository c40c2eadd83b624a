package reads

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/benchmarks/internal/sqlcgen"
)

// overSqlc is a reader on code that sqlc generated. It cannot stream.
func overSqlc(read func(context.Context, *sqlcgen.Queries) (measure.Seen, error)) reader {
	return overPool("sqlc", func(ctx context.Context, pool *pgxpool.Pool) (measure.Seen, error) {
		return read(ctx, sqlcgen.New(pool))
	})
}

func sqlcOne() reader {
	return overSqlc(func(ctx context.Context, q *sqlcgen.Queries) (measure.Seen, error) {
		row, err := q.OrderByID(ctx, oneID)
		return measure.Seen{Rows: 1, Last: row.ID}, err
	})
}

func sqlcTen(rows int) reader {
	return overSqlc(func(ctx context.Context, q *sqlcgen.Queries) (measure.Seen, error) {
		all, err := q.Orders10(ctx, int32(rows))
		if err != nil || len(all) == 0 {
			return measure.Seen{}, err
		}
		return measure.Seen{Rows: len(all), Last: all[len(all)-1].ID}, nil
	})
}

func sqlcTwelve(rows int) reader {
	return overSqlc(func(ctx context.Context, q *sqlcgen.Queries) (measure.Seen, error) {
		all, err := q.Orders12(ctx, int32(rows))
		if err != nil || len(all) == 0 {
			return measure.Seen{}, err
		}
		return measure.Seen{Rows: len(all), Last: all[len(all)-1].ID}, nil
	})
}

func sqlcWide(rows int) reader {
	return overSqlc(func(ctx context.Context, q *sqlcgen.Queries) (measure.Seen, error) {
		all, err := q.Products(ctx, int32(rows))
		if err != nil || len(all) == 0 {
			return measure.Seen{}, err
		}
		return measure.Seen{Rows: len(all), Last: all[len(all)-1].ID}, nil
	})
}
