package batchinsert_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/headrace/headrace/batchinsert"
)

func TestPlanAndLoadChunk(t *testing.T) {
	t.Parallel()
	ctx := context.WithoutCancel(t.Context())
	pg := openInstalled(t, createItems)
	text := itemsFile(3000)
	want := reference(t, pg, text)
	for name, open := range map[string]func() io.Reader{
		"seekable": func() io.Reader { return strings.NewReader(text) },
		"pipe":     func() io.Reader { return io.MultiReader(strings.NewReader(text)) },
		"packed":   func() io.Reader { return bytes.NewReader(gzipped(t, text)) },
		"marked":   func() io.Reader { return strings.NewReader("\xef\xbb\xbf" + text) },
	} {
		exec(t, pg, "TRUNCATE items")
		opts := &batchinsert.LoadOptions{ID: name, ChunkBytes: 4000}
		chunks, err := batchinsert.Plan(ctx, pg, "items", batchinsert.CSV(open()), opts)
		if err != nil || len(chunks) < 10 {
			t.Fatalf("%s: %d chunks, %v", name, len(chunks), err)
		}
		wantCount(t, pg, "items", 0)
		// Every chunk twice, by workers side by side, from the last one on.
		var workers sync.WaitGroup
		var mu sync.Mutex
		total := int64(0)
		for worker := range 2 {
			workers.Go(func() {
				for i := range chunks {
					c := chunks[len(chunks)-1-i]
					if worker == 1 && i%3 == 0 {
						c = chunks[i]
					}
					report, err := batchinsert.LoadChunk(ctx, pg, "items", batchinsert.CSV(open()), c.Index, opts)
					if err != nil {
						t.Errorf("%s: %v", name, err)
					}
					mu.Lock()
					total += report.Rows
					mu.Unlock()
				}
			})
		}
		workers.Wait()
		if got := get[string](t, pg, sumItems); got != want || total != 3000 {
			t.Errorf("%s: %s, want %s; %d rows by all", name, got, want, total)
		}
		if !get[bool](t, pg, "SELECT finished_at IS NOT NULL FROM headrace.loads WHERE load_id = $1", name) {
			t.Errorf("%s: the load is not finished", name)
		}
		again, err := batchinsert.Plan(ctx, pg, "items", batchinsert.CSV(open()), opts)
		if err != nil || len(again) != len(chunks) || again[0].Rows == 0 {
			t.Errorf("%s: planned again: %v, %v", name, again, err)
		}
		report, err := batchinsert.Load(ctx, pg, "items", batchinsert.CSV(open()), opts)
		if err != nil || report.Skipped != 3000 || report.Rows != 0 {
			t.Errorf("%s: loaded again: %+v, %v", name, report, err)
		}
	}
}

func TestLoadChunkRefuses(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pg := openInstalled(t, createItems)
	file := func() batchinsert.Input { return batchinsert.CSV(strings.NewReader(itemsFile(10_000))) }
	opts := &batchinsert.LoadOptions{ID: "x", ChunkBytes: 100_000}
	_, err := batchinsert.Plan(ctx, pg, "items", file(), nil)
	wantError(t, err, "LoadOptions.ID is empty")
	_, err = batchinsert.Plan(ctx, pg, "items", file(), &batchinsert.LoadOptions{ID: "x", DropIndexes: true})
	wantError(t, err, "DropIndexes")
	_, err = batchinsert.LoadChunk(ctx, pg, "items", file(), 0, opts)
	wantError(t, err, "call Plan first")
	if _, err := batchinsert.Plan(ctx, pg, "items", file(), opts); err != nil {
		t.Fatal(err)
	}
	// A file that has changed, far behind its beginning, and one that is
	// shorter.
	other := batchinsert.CSV(strings.NewReader(strings.Replace(itemsFile(10_000), "9000,item", "9001,item", 1)))
	_, err = batchinsert.LoadChunk(ctx, pg, "items", other, 1, opts)
	wantError(t, err, "the file has changed")
	_, err = batchinsert.LoadChunk(ctx, pg, "items", batchinsert.CSV(io.MultiReader(strings.NewReader(itemsFile(10_000)[:100_500]))), 1, opts)
	wantError(t, err, "the file has changed")
	_, err = batchinsert.LoadChunk(ctx, pg, "items", file(), 5, opts)
	wantError(t, err, "no such chunk")
	// A bad line is named by its place in the whole file.
	bad := func() batchinsert.Input {
		return batchinsert.CSV(strings.NewReader(strings.Replace(itemsFile(10_000), "9000,item", "x,item", 1)))
	}
	opts.ID = "y"
	if _, err := batchinsert.Plan(ctx, pg, "items", bad(), opts); err != nil {
		t.Fatal(err)
	}
	_, err = batchinsert.LoadChunk(ctx, pg, "items", bad(), 1, opts)
	wantError(t, err, "input:9901", `column "id"`)
	wantCount(t, pg, "items", 0)
}
