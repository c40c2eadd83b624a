package memory_test

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/internal/soak"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/migrations"
)

// loadMemory is what a load may take from the system beyond what the program has.
const loadMemory = 64 << 20

// TestLoadIsFlat loads files that are made while they are read, in each of the ways that a load has: whatever their
// size, the memory stays within its bound.
func TestLoadIsFlat(t *testing.T) {
	pg, err := db.Open(t.Context(), pgtest.New(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Close()
	if err := migrations.Install(t.Context(), pg.Pool()); err != nil {
		t.Fatal(err)
	}
	if _, err := pg.Exec(t.Context(), "CREATE UNLOGGED TABLE lines (id bigint, name text, price numeric)"); err != nil {
		t.Fatal(err)
	}
	large := int64(soak.Count(40, 1_000))
	if testing.Short() {
		large = 15
	}
	for name, opts := range map[string]batchinsert.LoadOptions{
		"one transaction": {}, "jobs": {Jobs: 4}, "ledger": {ID: "x", Jobs: 2}, "quarantine": {OnBad: batchinsert.Quarantine},
	} {
		for _, megabytes := range []int64{5, large} {
			if opts.ID != "" {
				opts.ID += "x"
			}
			if _, err := pg.Exec(t.Context(), "TRUNCATE lines"); err != nil {
				t.Fatal(err)
			}
			file := &endless{left: megabytes * 1e6}
			peak, err := peakOf(func() error {
				report, err := batchinsert.LoadCSV(t.Context(), pg, "lines", file, &opts)
				if err == nil && report.Rows != file.row {
					err = fmt.Errorf("%d rows, want %d", report.Rows, file.row)
				}
				return err
			})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			t.Logf("%s, %d MB: %.1f MiB", name, megabytes, float64(peak)/(1<<20))
			if peak > loadMemory {
				t.Errorf("%s, %d MB: %d bytes, at most %d are promised", name, megabytes, peak, loadMemory)
			}
		}
	}
}

// peakOf returns how much memory the runtime takes at most while fn runs, beyond
// what it had before.
func peakOf(fn func() error) (peak uint64, err error) {
	debug.FreeOSMemory()
	before := fromSystem()
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
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
	err = fn()
	close(stop)
	watching.Wait()
	return peak - min(before, peak), err
}

func fromSystem() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys - m.HeapReleased
}

// endless is a CSV file that is made while it is read.
type endless struct {
	left, row int64
	text      []byte // not read yet
	buf       []byte
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.text) == 0 {
		if e.left <= 0 {
			return 0, io.EOF
		}
		e.buf = e.buf[:0]
		if e.row == 0 {
			e.buf = append(e.buf, "id,name,price\n"...)
		}
		for len(e.buf) < 32<<10 {
			e.row++
			e.buf = fmt.Appendf(e.buf, "%d,\"item %d\",%d.25\n", e.row, e.row%50_000, e.row%1000)
		}
		e.left -= int64(len(e.buf))
		e.text = e.buf
	}
	n := copy(p, e.text)
	e.text = e.text[n:]
	return n, nil
}
