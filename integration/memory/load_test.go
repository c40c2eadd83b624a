package memory_test

import (
	"fmt"
	"testing"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/internal/peak"
	"github.com/headrace/headrace/integration/internal/soak"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/migrations"
)

// loadMemory is the greatest number of bytes that a load may take from the
// system.
const loadMemory = 64 << 20

// The memory of a load stays within its bound for files of any size, in each
// mode of loading.
func TestLoadMemoryIsBounded(t *testing.T) {
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
			file := peak.NewFile(megabytes*1e6, "id,name,price\n", func(buf []byte, row int64) []byte {
				return fmt.Appendf(buf, "%d,\"item %d\",%d.25\n", row, row%50_000, row%1000)
			})
			most, err := peak.Of(func() error {
				report, err := batchinsert.Load(t.Context(), pg, "lines", batchinsert.CSV(file), &opts)
				if err == nil && report.Rows != file.Rows {
					err = fmt.Errorf("%d rows, want %d", report.Rows, file.Rows)
				}
				return err
			})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			t.Logf("%s, %d MB: %.1f MiB", name, megabytes, float64(most)/(1<<20))
			if most > loadMemory {
				t.Errorf("%s, %d MB: %d bytes of memory, want at most %d", name, megabytes, most, loadMemory)
			}
		}
	}
}
