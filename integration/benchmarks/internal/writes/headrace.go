package writes

import (
	"bytes"
	"context"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

// overTable is headrace with a Table made once.
func overTable[T any](t Target, j job[T], write func(context.Context, *batchinsert.Table[T], *db.DB) (int64, error)) measure.Subject {
	table := batchinsert.MustTable[T](j.table("headrace"))
	return subject(t, j, "headrace", openDB, func(ctx context.Context, pg *db.DB, _ string) (measure.Seen, error) {
		n, err := write(ctx, table, pg)
		return wrote(n), err
	})
}

func headraceCopy[T any](t Target, j job[T]) measure.Subject {
	return overTable(t, j, func(ctx context.Context, table *batchinsert.Table[T], pg *db.DB) (int64, error) {
		return table.Copy(ctx, pg, batchinsert.Rows(j.rows))
	})
}

func headraceInsert[T any](t Target, j job[T]) measure.Subject {
	return overTable(t, j, func(ctx context.Context, table *batchinsert.Table[T], pg *db.DB) (int64, error) {
		return table.Insert(ctx, pg, batchinsert.Rows(j.rows))
	})
}

func headraceUpsert[T any](t Target, j job[T]) measure.Subject {
	return overTable(t, j, func(ctx context.Context, table *batchinsert.Table[T], pg *db.DB) (int64, error) {
		c, err := table.Upsert(ctx, pg, batchinsert.Rows(j.rows), batchinsert.OnConflict{Keys: []string{"id"}})
		return c.Inserted + c.Updated + c.Unchanged, err
	})
}

func headraceCSV(t Target, j job[Narrow], file []byte) measure.Subject {
	return subject(t, j, "headrace", openDB, func(ctx context.Context, pg *db.DB, table string) (measure.Seen, error) {
		report, err := batchinsert.Load(ctx, pg, table, batchinsert.CSV(bytes.NewReader(file)), nil)
		return wrote(report.Rows), err
	})
}
