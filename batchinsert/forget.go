package batchinsert

import (
	"context"
	"fmt"

	"github.com/headrace/headrace/internal/load"
)

// Forget removes a load from the ledger, so that the next load with its ID
// starts from the beginning of its input. Its rows stay in the table and its bad
// lines in the quarantine. Forget waits for chunks that are being loaded, and
// restores indexes that the load has dropped. It returns how many rows of the
// load are in the table.
func Forget(ctx context.Context, w Writer, id string) (rows int64, err error) {
	if rows, err = load.Forget(ctx, w, id); err != nil {
		return 0, fmt.Errorf("forget load %q: %w", id, err)
	}
	return rows, nil
}

// RestoreIndexes restores the indexes that loads with an ID and
// LoadOptions.DropIndexes have dropped in this database and not restored because
// their process died. It returns their names. For a load in progress it costs
// time only.
func RestoreIndexes(ctx context.Context, w Writer) ([]string, error) {
	names, err := load.RestoreIndexes(ctx, w, "")
	if err != nil {
		return nil, fmt.Errorf("restore indexes: %w", err)
	}
	return names, nil
}
