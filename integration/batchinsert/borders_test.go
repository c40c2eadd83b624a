package batchinsert_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/migrations"
)

// spectrum is the conformance set csv-spectrum beside the repository, where it
// is: csvs/NAME.csv means json/NAME.json.
var spectrum = filepath.Join("..", "..", "..", "shared", "data", "csv-spectrum")

// A csvCase is a file, and its records by the names of its header.
type csvCase struct {
	name, file string
	want       []map[string]string
}

func csvCases(t *testing.T) []csvCase {
	t.Helper()
	cases := []csvCase{
		{"quoted line breaks", "a,b\n1,\"x\ny\"\n\"\n\",\"\n\n\"\n2,\"\"\"\n\"\"\"\n3,end", []map[string]string{
			{"a": "1", "b": "x\ny"}, {"a": "\n", "b": "\n\n"}, {"a": "2", "b": "\"\n\""}, {"a": "3", "b": "end"},
		}},
		{"line breaks in the header", "\"a\nb\",c\n1,\"2\n\"\n", []map[string]string{{"a\nb": "1", "c": "2\n"}}},
	}
	paths, err := filepath.Glob(filepath.Join(spectrum, "csvs", "*.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Logf("not there, so not read: %s", spectrum)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".csv")
		if name == "location_coordinates" {
			continue // its JSON has another telephone number, and keeps quotes that the server takes for quotes
		}
		file, err := os.ReadFile(path)
		records, jsonErr := os.ReadFile(filepath.Join(spectrum, "json", name+".json"))
		c := csvCase{name: name, file: string(file)}
		if err := errors.Join(err, jsonErr, json.Unmarshal(records, &c.want)); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	return cases
}

// withEOL returns the case with other line ends, including those within values.
func (c csvCase) withEOL(eol string) csvCase {
	replace := func(s string) string {
		return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", eol)
	}
	out := csvCase{name: c.name, file: replace(c.file)}
	for _, record := range c.want {
		other := make(map[string]string)
		for key, value := range record {
			other[replace(key)] = replace(value)
		}
		out.want = append(out.want, other)
	}
	return out
}

// Files are cut at every byte, in one transaction and in chunks.
func TestLoadCSVAtEveryBorder(t *testing.T) {
	t.Parallel()
	pg := open(t)
	if err := migrations.Install(t.Context(), pg.Pool()); err != nil {
		t.Fatal(err)
	}
	step := 1
	if testing.Short() {
		step = 7
	}
	for _, plain := range csvCases(t) {
		for _, eol := range []string{"\n", "\r\n"} {
			c := plain.withEOL(eol)
			c.createTable(t, pg)
			for size := 1; size <= len(c.file); size += step {
				c.check(t, pg, batchinsert.LoadOptions{ChunkBytes: size})
			}
			c.check(t, pg, batchinsert.LoadOptions{ChunkBytes: 1 << 20})
			for _, size := range []int{1, 10, 1 << 20} {
				c.check(t, pg, batchinsert.LoadOptions{ChunkBytes: size, ID: fmt.Sprintf("%s %q %d", c.name, eol, size), Jobs: 2})
			}
		}
	}
}

func (c csvCase) createTable(t *testing.T, pg *db.DB) {
	t.Helper()
	var columns []string
	for _, name := range slices.Sorted(maps.Keys(c.want[0])) {
		columns = append(columns, `"`+name+`" text`)
	}
	exec(t, pg, "DROP TABLE IF EXISTS read")
	exec(t, pg, "CREATE TABLE read ("+strings.Join(columns, ", ")+")")
}

// check loads the file and compares what is in the table, in any order.
func (c csvCase) check(t *testing.T, pg *db.DB, opts batchinsert.LoadOptions) {
	t.Helper()
	exec(t, pg, "TRUNCATE read")
	report, err := batchinsert.Load(t.Context(), pg, "read", batchinsert.CSV(strings.NewReader(c.file)), &opts)
	if err != nil || report.Rows != int64(len(c.want)) {
		t.Fatalf("%s %q, %+v: %+v, %v", c.name, c.file, opts, report, err)
	}
	var got []map[string]string
	if err := json.Unmarshal(get[[]byte](t, pg, "SELECT json_agg(r) FROM read AS r"), &got); err != nil {
		t.Fatal(err)
	}
	if want := c.want; !slices.Equal(sorted(got), sorted(want)) {
		t.Fatalf("%s %q, %+v:\n%q, want\n%q", c.name, c.file, opts, got, want)
	}
}

func sorted(records []map[string]string) []string {
	var out []string
	for _, record := range records {
		out = append(out, fmt.Sprintf("%q", record)) // keys in order; NULL is ""
	}
	slices.Sort(out)
	return out
}
