package batchinsert

import (
	"context"
	"fmt"

	"github.com/headrace/headrace/internal/load"
)

// Forget removes a load from the ledger: the next load with its ID starts from the
// beginning of its input.
// Rows that are in the table stay there, and so does its quarantine. It waits for
// chunks that are being loaded, and puts indexes back that the load has dropped.
// It returns how many rows of the load are in the table.
func Forget(ctx context.Context, w Writer, id string) (rows int64, err error) {
	if rows, err = load.Forget(ctx, w, id); err != nil {
		return 0, fmt.Errorf("forget load %q: %w", id, err)
	}
	return rows, nil
}

// RestoreIndexes makes the indexes again that loads with an ID and
// LoadOptions.DropIndexes have dropped in this database and, because their
// process died, have not put back. It returns their names. A load that is under
// way loses nothing by it but time.
func RestoreIndexes(ctx context.Context, w Writer) ([]string, error) {
	names, err := load.RestoreIndexes(ctx, w, "")
	if err != nil {
		return nil, fmt.Errorf("restore indexes: %w", err)
	}
	return names, nil
}
