package writes

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

// LoadMemory loads files of growing size, which are made while they are read,
// and tells the most memory that the process had from the runtime beyond what it
// had before.
func LoadMemory(ctx context.Context, t Target, sizes []int64) ([]measure.Result, error) {
	var all []measure.Result
	for _, size := range sizes {
		peak, err := loadPeak(ctx, t, size)
		if err != nil {
			return nil, err
		}
		all = append(all, measure.Result{
			Work: "load/memory", Subject: fmt.Sprintf("headrace-%dMB", size/1e6), Metric: "peak-MiB", Value: float64(peak) / (1 << 20),
		})
	}
	return all, nil
}

func loadPeak(ctx context.Context, t Target, size int64) (peak uint64, err error) {
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
	debug.FreeOSMemory()
	start := fromSystem()
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			peak = max(peak, fromSystem())
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	})
	_, err = batchinsert.LoadCSV(ctx, pg, "load_memory", &endlessCSV{left: size}, nil)
	close(stop)
	watching.Wait()
	if _, dropErr := pg.Exec(ctx, "DROP TABLE load_memory"); err == nil {
		err = dropErr
	}
	return peak - min(start, peak), err
}

// fromSystem is the memory that the runtime holds.
func fromSystem() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys - m.HeapReleased
}

// endlessCSV is a file that is made while it is read.
type endlessCSV struct {
	left int64
	row  int64
	rest []byte
	buf  []byte
}

func (e *endlessCSV) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		if e.left <= 0 {
			return 0, io.EOF
		}
		e.buf = e.buf[:0]
		if e.row == 0 {
			e.buf = append(e.buf, "id,customer_id,quantity,price\n"...)
		}
		for len(e.buf) < 32<<10 {
			e.row++
			e.buf = fmt.Appendf(e.buf, "%d,%d,%d,%d.25\n", e.row, e.row%50_000, e.row%90, e.row%1000)
		}
		e.left -= int64(len(e.buf))
		e.rest = e.buf
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}
