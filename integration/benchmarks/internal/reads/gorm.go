package reads

import (
	"context"
	"database/sql"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

// overGorm is a reader on gorm, as its guide on performance sets it up.
func overGorm(read func(*gorm.DB) (measure.Seen, error)) reader {
	return overSQL("gorm", func(conn *sql.DB) (measure.Op, error) {
		db, err := gorm.Open(postgres.New(postgres.Config{Conn: conn}), &gorm.Config{
			SkipDefaultTransaction: true,
			Logger:                 logger.Discard,
		})
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context) (measure.Seen, error) { return read(db.WithContext(ctx)) }, nil
	})
}

func gormMany[T any](s shape[T]) reader {
	return overGorm(func(db *gorm.DB) (measure.Seen, error) {
		var all []T
		err := db.Table(s.table).Select(s.columns).Order("id").Limit(s.rows).Find(&all).Error
		return s.saw(all), err
	})
}

func gormOne[T any](s shape[T]) reader {
	return overGorm(func(db *gorm.DB) (measure.Seen, error) {
		var row T
		err := db.Table(s.table).Select(s.columns).Where("id = ?", oneID).Take(&row).Error
		return s.sawOne(&row), err
	})
}

func gormStream[T any](s shape[T]) reader {
	return overGorm(func(db *gorm.DB) (measure.Seen, error) {
		rows, err := db.Table(s.table).Select(s.columns).Order("id").Limit(s.rows).Rows()
		if err != nil {
			return measure.Seen{}, err
		}
		defer rows.Close()
		var seen measure.Seen
		for rows.Next() {
			var row T
			if err := db.ScanRows(rows, &row); err != nil {
				return seen, err
			}
			seen.Rows++
			seen.Last = s.id(&row)
		}
		return seen, rows.Err()
	})
}
