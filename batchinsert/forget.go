package batchinsert

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Forget removes a load from the ledger: the next load with its ID starts from the
// beginning of its input.
// Rows that are in the table stay there, and so does its quarantine. It waits for
// chunks that are being loaded, and puts indexes back that the load has dropped.
// It returns how many rows of the load are in the table.
func Forget(ctx context.Context, w Writer, id string) (rows int64, err error) {
	if _, err = restoreIndexes(ctx, w, id); err == nil {
		rows, err = forget(ctx, w, id)
	}
	if err != nil {
		return 0, fmt.Errorf("forget load %q: %w", id, err)
	}
	return rows, nil
}

func forget(ctx context.Context, w Writer, id string) (rows int64, err error) {
	err = inTx(ctx, w, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `SELECT 0 FROM headrace.loads WHERE load_id = $1 FOR UPDATE`, id).Scan(&rows)
		if errors.Is(err, pgx.ErrNoRows) {
			return errors.New("there is no such load")
		}
		if err != nil {
			return err
		}
		// Locks, and so waits for, each chunk.
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
