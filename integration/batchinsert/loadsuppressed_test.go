package batchinsert_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/headrace/headrace/batchinsert"
)

// evens makes the trigger that suppresses rows with an even id, of a table.
func evens(table string) []string {
	return []string{
		"CREATE OR REPLACE FUNCTION evens() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF new.id % 2 = 0 THEN RETURN NULL; END IF; RETURN new; END'",
		"CREATE TRIGGER evens BEFORE INSERT ON " + table + " FOR EACH ROW EXECUTE FUNCTION evens()",
	}
}

// In every way of loading, Report.Rows is the number of rows in the table.
func TestLoadCountsSuppressedRows(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t,
		"CREATE TABLE plain (id int PRIMARY KEY, name text)", "CREATE TABLE odd (id int PRIMARY KEY, name text, e int[])",
		"CREATE TABLE parted (id int PRIMARY KEY, name text) PARTITION BY RANGE (id)", "CREATE TABLE part PARTITION OF parted DEFAULT")
	for _, table := range []string{"plain", "odd", "part"} {
		for _, sql := range evens(table) {
			exec(t, pg, sql)
		}
	}
	const n = 2000
	var good, bad strings.Builder
	good.WriteString("id,name\n")
	bad.WriteString("id,name\n")
	for i := range n {
		fmt.Fprintf(&good, "%d,n%d\n", i, i)
		if i%1000 == 999 {
			fmt.Fprintf(&bad, "x%d,bad\n", i)
		}
		fmt.Fprintf(&bad, "%d,n%d\n", i, i)
	}
	const badLines = n / 1000
	for _, table := range []string{"plain", "odd", "parted"} {
		for name, opts := range map[string]batchinsert.LoadOptions{
			"at once":    {},
			"jobs":       {Jobs: 2},
			"id":         {ID: "id " + table},
			"quarantine": {OnBad: batchinsert.Quarantine},
			"both":       {OnBad: batchinsert.Quarantine, ID: "both " + table},
			"conflict":   {OnConflict: &batchinsert.OnConflict{Keys: []string{"id"}}},
			"all":        {OnBad: batchinsert.Quarantine, ID: "all " + table, OnConflict: &batchinsert.OnConflict{Keys: []string{"id"}}},
		} {
			exec(t, pg, "TRUNCATE "+table)
			file, wantBad := good.String(), int64(0)
			if opts.OnBad == batchinsert.Quarantine {
				file, wantBad = bad.String(), badLines
			}
			const suppressed = n / 2
			var last batchinsert.Progress
			opts.Progress, opts.ChunkBytes = func(p batchinsert.Progress) { last = p }, 10_000
			opts.MaxBadShare = 1.5 * float64(wantBad) / n // of all lines, suppressed ones too
			report, err := batchinsert.Load(t.Context(), pg, table, batchinsert.CSV(strings.NewReader(file)), &opts)
			if err != nil || report.Rows != n/2 || report.Suppressed != suppressed || report.Bad != wantBad || report.Skipped != 0 {
				t.Fatalf("%s, %s: %+v, %v", table, name, report, err)
			}
			if got := get[int64](t, pg, "SELECT count(*) FROM "+table); got != n/2 {
				t.Fatalf("%s, %s: the table has %d rows", table, name, got)
			}
			if last.Rows != n || last.Bad != wantBad {
				t.Errorf("%s, %s: %+v", table, name, last)
			}
			var inChunks int64
			for _, c := range report.Chunks {
				inChunks += c.Rows
			}
			if len(report.Chunks) > 0 && inChunks != report.Rows {
				t.Errorf("%s, %s: chunks of %d rows, want %d", table, name, inChunks, report.Rows)
			}
			if !strings.Contains(opts.ID, table) {
				continue
			}
			report, err = batchinsert.Load(t.Context(), pg, table, batchinsert.CSV(strings.NewReader(file)), &opts)
			if err != nil || report.Rows != 0 || report.Suppressed != 0 || report.Skipped != n/2 {
				t.Errorf("%s, %s, again: %+v, %v", table, name, report, err)
			}
		}
	}
}

// A chunk whose rows are all suppressed is loaded.
func TestLoadOfSuppressedRowsOnly(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, append([]string{"CREATE TABLE plain (id int)"}, evens("plain")...)...)
	file := "id\n" + strings.Repeat("2\n", 10)
	for _, chunks := range []int{1, 0} {
		report, err := batchinsert.Load(t.Context(), pg, "plain", batchinsert.CSV(strings.NewReader(file)), &batchinsert.LoadOptions{ID: "x"})
		if err != nil || report.Rows != 0 || report.Suppressed != 10*int64(chunks) || len(report.Chunks) != chunks {
			t.Errorf("%+v, %v", report, err)
		}
	}
}
