package load

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/target"
)

// Forget restores the indexes that a load has dropped, removes it from the
// ledger, and returns the number of its rows in the table.
func Forget(ctx context.Context, w target.Beginner, id string) (rows int64, err error) {
	if _, err = RestoreIndexes(ctx, w, id); err != nil {
		return 0, err
	}
	err = target.InTx(ctx, w, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `SELECT 0 FROM headrace.loads WHERE load_id = $1 FOR UPDATE`, id).Scan(&rows)
		if errors.Is(err, pgx.ErrNoRows) {
			return errors.New("there is no such load")
		}
		if err != nil {
			return err
		}
		// Locks each chunk, and so waits until it is loaded.
		err = tx.QueryRow(ctx, `SELECT coalesce(sum(rows), 0)::bigint FROM
    (SELECT rows FROM headrace.load_chunks WHERE load_id = $1 ORDER BY chunk FOR UPDATE) c`, id).Scan(&rows)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `DELETE FROM headrace.loads WHERE load_id = $1`, id)
		return err
	})
	return rows, err
}
