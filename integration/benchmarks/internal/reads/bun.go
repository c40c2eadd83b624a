package reads

import (
	"context"
	"database/sql"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

// overBun is a reader on bun, which reads tables by its own query builder.
func overBun(read func(context.Context, *bun.DB) (measure.Seen, error)) reader {
	return overSQL("bun", func(conn *sql.DB) (measure.Op, error) {
		db := bun.NewDB(conn, pgdialect.New())
		return func(ctx context.Context) (measure.Seen, error) { return read(ctx, db) }, nil
	})
}

func bunMany[T any](s shape[T]) reader {
	return overBun(func(ctx context.Context, db *bun.DB) (measure.Seen, error) {
		var all []T
		err := db.NewSelect().Model(&all).ModelTableExpr(s.table).ColumnExpr(s.columns).
			OrderExpr("id").Limit(int64(s.rows)).Scan(ctx)
		return s.saw(all), err
	})
}

func bunOne[T any](s shape[T]) reader {
	return overBun(func(ctx context.Context, db *bun.DB) (measure.Seen, error) {
		var row T
		err := db.NewSelect().Model(&row).ModelTableExpr(s.table).ColumnExpr(s.columns).
			Where("id = ?", oneID).Scan(ctx)
		return s.sawOne(&row), err
	})
}

func bunStream[T any](s shape[T]) reader {
	return overBun(func(ctx context.Context, db *bun.DB) (measure.Seen, error) {
		rows, err := db.NewSelect().Model((*T)(nil)).ModelTableExpr(s.table).ColumnExpr(s.columns).
			OrderExpr("id").Limit(int64(s.rows)).Rows(ctx)
		if err != nil {
			return measure.Seen{}, err
		}
		defer rows.Close()
		var seen measure.Seen
		for rows.Next() {
			var row T
			if err := db.ScanRow(ctx, rows, &row); err != nil {
				return seen, err
			}
			seen.Rows++
			seen.Last = s.id(&row)
		}
		return seen, rows.Err()
	})
}
