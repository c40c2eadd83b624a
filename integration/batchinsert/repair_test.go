package batchinsert_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/headrace/headrace/batchinsert"
)

// stream hides the Seek method of a reader.
func stream(r io.Reader) io.Reader { return io.MultiReader(r) }

func TestRepairedFileIsResumed(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, createItems)
	good := itemsFile(10_000)
	want := reference(t, pg, good)
	id := 0
	for _, line := range []int{5, 9900} { // within the beginning that a fingerprint is of, and behind it
		row := fmt.Sprintf("\n%d,item", line)
		for _, broken := range []string{"x", "xxxx", "much longer than it was"} {
			for name, open := range map[string]func(text string) io.Reader{
				"file":   func(text string) io.Reader { return strings.NewReader(text) },
				"packed": func(text string) io.Reader { return bytes.NewReader(gzipped(t, text)) },
			} {
				id++
				exec(t, pg, "TRUNCATE items")
				opts := &batchinsert.LoadOptions{ID: fmt.Sprint(id), ChunkBytes: 20_000}
				_, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(open(strings.Replace(good, row, "\n"+broken+",item", 1))), opts)
				wantError(t, err, `column "id"`, broken)
				report, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(open(good)), opts)
				if got := get[string](t, pg, sumItems); err != nil || got != want || report.Rows+report.Skipped != 10_000 || line > 9000 && report.Skipped == 0 {
					t.Fatalf("%s, line %d was %q: %s, want %s; %d rows and %d before, %v", name, line, broken, got, want, report.Rows, report.Skipped, err)
				}
				report, err = batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(open(good)), opts)
				if err != nil || report.Skipped != 10_000 {
					t.Errorf("%+v, %v", report, err)
				}
			}
		}
	}
}

// Chunks of two jobs are in the table behind the one with the bad line: its
// repair must not move them.
func TestRepairThatMovesLoadedChunksIsRefused(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, createItems)
	good := itemsFile(3000)
	opts := &batchinsert.LoadOptions{ID: "x", ChunkBytes: 4000}
	if _, err := batchinsert.Plan(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(good)), opts); err != nil {
		t.Fatal(err)
	}
	if _, err := batchinsert.LoadChunk(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(good)), 3, opts); err != nil {
		t.Fatal(err)
	}
	before := get[int64](t, pg, "SELECT count(*) FROM items")
	_, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(strings.Replace(good, "\n7,item", "\n007,item", 1))), opts)
	wantError(t, err, "are in the table, and the file has others there", "not change its length")
	wantCount(t, pg, "items", before)
	// A repair of the same length, and the original.
	for _, text := range []string{strings.Replace(good, "\n17,item", "\n18,item", 1), good} {
		report, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(text)), opts)
		if text == good && (err != nil || report.Skipped != before || report.Rows != 3000-before) {
			t.Errorf("%+v, %v", report, err)
		}
		if text != good {
			wantError(t, err, "duplicate key")
		}
	}
}

func TestRepairedStream(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, createItems)
	good := itemsFile(10_000)
	load := func(id, text string, opts batchinsert.LoadOptions) error {
		opts.ID, opts.ChunkBytes = id, 20_000
		_, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(stream(strings.NewReader(text))), &opts)
		return err
	}
	// Nothing is loaded: any other stream will do.
	wantError(t, load("first", strings.Replace(good, "\n5,item", "\nx,item", 1), batchinsert.LoadOptions{}), `"x"`)
	if err := load("first", itemsFile(9000), batchinsert.LoadOptions{}); err != nil {
		t.Error(err)
	}
	exec(t, pg, "TRUNCATE items")
	// What is loaded is compared on the way.
	wantError(t, load("same", strings.Replace(good, "\n9900,item", "\nx900,item", 1), batchinsert.LoadOptions{}), `"x900"`)
	wantError(t, load("same", strings.Replace(good, "\n6001,item", "\n6002,item", 1), batchinsert.LoadOptions{}), "the file has changed")
	wantError(t, load("same", good, batchinsert.LoadOptions{Null: "-"}), "other columns or other options")
	wantError(t, load("same", strings.Replace(good, "\n5,item", "\n05,item", 1), batchinsert.LoadOptions{}), "not for a stream")
	if err := load("same", good, batchinsert.LoadOptions{}); err != nil {
		t.Error(err)
	}
	wantCount(t, pg, "items", 10_000)
}

func TestForget(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, createItems)
	opts := &batchinsert.LoadOptions{ID: "x"}
	if _, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(itemsFile(10))), opts); err != nil {
		t.Fatal(err)
	}
	if rows, err := batchinsert.Forget(t.Context(), pg, "x"); err != nil || rows != 10 {
		t.Error(rows, err)
	}
	exec(t, pg, "TRUNCATE items")
	if report, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(itemsFile(20))), opts); err != nil || report.Rows != 20 {
		t.Error(report, err)
	}
	_, err := batchinsert.Forget(t.Context(), pg, "y")
	wantError(t, err, `forget load "y": there is no such load`)
}

func TestVerifyRefusesBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, createItems)
	good := itemsFile(5000)
	packed := gzipped(t, good)
	damaged := bytes.Clone(packed)
	damaged[len(damaged)-5] ^= 1 // of the checksum
	for name, c := range map[string]struct {
		in   io.ReadSeeker
		want string
	}{
		"cut archive":     {bytes.NewReader(packed[:len(packed)-20]), "gzip: the file is cut off"},
		"damaged archive": {bytes.NewReader(damaged), "gzip: invalid checksum"},
		"encoding":        {strings.NewReader(good + "5001,\xff\n"), ": not valid UTF-8"},
		"quote":           {strings.NewReader(good + "5001,\"a\n5002,b\n"), ": a quote is not closed"},
		"cut":             {strings.NewReader(good[:len(good)-3]), ": the last line has no line end"},
	} {
		for _, opts := range []*batchinsert.LoadOptions{{ID: name}, {Jobs: 2}} {
			opts.ChunkBytes, opts.Verify, opts.Strict = 4000, true, true
			report, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(c.in), opts)
			wantError(t, err, c.want)
			wantCount(t, pg, "items", 0)
			if len(report.Chunks) > 0 {
				t.Errorf("%s: %+v", name, report.Chunks)
			}
			if _, err := c.in.Seek(0, io.SeekStart); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, in := range map[string]io.Reader{"plain": strings.NewReader(good), "packed": bytes.NewReader(packed)} {
		exec(t, pg, "TRUNCATE items")
		report, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(in), &batchinsert.LoadOptions{ID: "good " + name, Verify: true, ChunkBytes: 4000})
		if err != nil || report.Rows != 5000 {
			t.Errorf("%s: %+v, %v", name, report.Rows, err)
		}
	}
	_, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(stream(strings.NewReader(good))), &batchinsert.LoadOptions{Jobs: 2, Verify: true})
	wantError(t, err, "LoadOptions.Verify", "a file")
	var line *batchinsert.LineError
	_, err = batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader("id,name\n1,\xff\n")), &batchinsert.LoadOptions{Jobs: 2, Verify: true})
	if !errors.As(err, &line) || line.Line != 2 {
		t.Error(err)
	}
}

// Each call that needs the library's tables names the one that creates them.
func TestMissingTablesAreNamed(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	in := func() batchinsert.Input { return batchinsert.CSV(strings.NewReader(itemsFile(1))) }
	for name, call := range map[string]func(opts *batchinsert.LoadOptions) error{
		"Load": func(o *batchinsert.LoadOptions) error {
			_, err := batchinsert.Load(t.Context(), pg, "items", in(), o)
			return err
		},
		"Quarantine": func(*batchinsert.LoadOptions) error {
			_, err := batchinsert.Load(t.Context(), pg, "items", in(), &batchinsert.LoadOptions{OnBad: batchinsert.Quarantine})
			return err
		},
		"Plan": func(o *batchinsert.LoadOptions) error {
			_, err := batchinsert.Plan(t.Context(), pg, "items", in(), o)
			return err
		},
		"LoadChunk": func(o *batchinsert.LoadOptions) error {
			_, err := batchinsert.LoadChunk(t.Context(), pg, "items", in(), 0, o)
			return err
		},
		"Forget": func(*batchinsert.LoadOptions) error { _, err := batchinsert.Forget(t.Context(), pg, "x"); return err },
		"RestoreIndexes": func(*batchinsert.LoadOptions) error {
			_, err := batchinsert.RestoreIndexes(t.Context(), pg)
			return err
		},
	} {
		if err := call(&batchinsert.LoadOptions{ID: "x"}); err == nil || !strings.Contains(err.Error(), "migrations.Install") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
