package writes

import (
	"context"
	"fmt"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/internal/peak"
)

// LoadMemory loads files of growing size, which are generated while they are
// read, and reports the peak of the memory that the runtime obtained beyond
// what it had before.
func LoadMemory(ctx context.Context, t Target, sizes []int64) ([]measure.Result, error) {
	var all []measure.Result
	for _, size := range sizes {
		most, err := loadPeak(ctx, t, size)
		if err != nil {
			return nil, err
		}
		all = append(all, measure.Result{
			Work: "load/memory", Subject: fmt.Sprintf("headrace-%dMB", size/1e6), Metric: "peak-MiB", Value: float64(most) / (1 << 20),
		})
	}
	return all, nil
}

func loadPeak(ctx context.Context, t Target, size int64) (most uint64, err error) {
	pg, closePg, err := openDB(ctx, t)
	if err != nil {
		return 0, err
	}
	defer closePg()
	if _, err := pg.Exec(ctx, "DROP TABLE IF EXISTS load_memory"); err != nil {
		return 0, err
	}
	if _, err := pg.Exec(ctx, "CREATE UNLOGGED TABLE load_memory ("+narrowColumns+")"); err != nil {
		return 0, err
	}
	file := peak.NewFile(size, "id,customer_id,quantity,price\n", func(buf []byte, row int64) []byte {
		return fmt.Appendf(buf, "%d,%d,%d,%d.25\n", row, row%50_000, row%90, row%1000)
	})
	most, err = peak.Of(func() error {
		_, err := batchinsert.Load(ctx, pg, "load_memory", batchinsert.CSV(file), nil)
		return err
	})
	if _, dropErr := pg.Exec(ctx, "DROP TABLE load_memory"); err == nil {
		err = dropErr
	}
	return most, err
}
