package writes

import (
	"context"
	"database/sql"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

func gormInsert[T any](t Target, j job[T]) measure.Subject {
	open := func(ctx context.Context, t Target) (*gorm.DB, func(), error) {
		conn, closeConn, err := openSQL(ctx, t)
		if err != nil {
			return nil, nil, err
		}
		db, err := gorm.Open(postgres.New(postgres.Config{Conn: conn}), &gorm.Config{Logger: logger.Discard})
		if err != nil {
			closeConn()
		}
		return db, closeConn, err
	}
	return subject(t, j, "gorm", open, func(ctx context.Context, db *gorm.DB, table string) (measure.Seen, error) {
		created := db.WithContext(ctx).Table(table).CreateInBatches(j.rows, 1000)
		return wrote(created.RowsAffected), created.Error
	})
}

func bunInsert[T any](t Target, j job[T]) measure.Subject {
	return subject(t, j, "bun", openSQL, func(ctx context.Context, conn *sql.DB, table string) (seen measure.Seen, err error) {
		db := bun.NewDB(conn, pgdialect.New())
		err = db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			return inChunks(j.rows, 1000, func(rows []T) error {
				result, err := tx.NewInsert().Model(&rows).ModelTableExpr(table).Exec(ctx)
				if err != nil {
					return err
				}
				n, err := result.RowsAffected()
				seen.Rows += int(n)
				return err
			})
		})
		return seen, err
	})
}
