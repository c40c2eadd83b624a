package writes

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/benchmarks/internal/sqlccopy"
)

func sqlcNarrow(t Target, j job[Narrow]) measure.Subject {
	return overSqlc(t, j, func(r Narrow) sqlccopy.CopyNarrowParams { return sqlccopy.CopyNarrowParams(r) },
		(*sqlccopy.Queries).CopyNarrow)
}

func sqlcWide(t Target, j job[Wide]) measure.Subject {
	return overSqlc(t, j, func(r Wide) sqlccopy.CopyWideParams { return sqlccopy.CopyWideParams(r) },
		(*sqlccopy.Queries).CopyWide)
}

func sqlcNulls(t Target, j job[Nulls]) measure.Subject {
	return overSqlc(t, j, func(r Nulls) sqlccopy.CopyNullsParams { return sqlccopy.CopyNullsParams(r) },
		(*sqlccopy.Queries).CopyNulls)
}

// overSqlc copies by code that sqlc generated, which has its own type of rows.
// They are converted before anything is measured.
func overSqlc[T, P any](t Target, j job[T], params func(T) P,
	write func(*sqlccopy.Queries, context.Context, []P) (int64, error),
) measure.Subject {
	var rows []P
	open := func(ctx context.Context, t Target) (*pgxpool.Pool, func(), error) {
		rows = make([]P, len(j.rows))
		for i, r := range j.rows {
			rows[i] = params(r)
		}
		return openPool(ctx, t)
	}
	return subject(t, j, "sqlc", open, func(ctx context.Context, pool *pgxpool.Pool, _ string) (measure.Seen, error) {
		n, err := write(sqlccopy.New(pool), ctx, rows)
		return wrote(n), err
	})
}
