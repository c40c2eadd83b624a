package batchinsert_test

import (
	"bytes"
	"context"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/migrations"
)

// openWith is open, with settings added to the connection string.
func openWith(t *testing.T, settings string, setup ...string) *db.DB {
	t.Helper()
	at, err := url.Parse(pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	at.RawQuery = strings.Trim(at.RawQuery+"&"+settings, "&")
	pg, err := db.Open(t.Context(), at.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	for _, sql := range setup {
		exec(t, pg, sql)
	}
	return pg
}

// Each of pgx's execution modes sends arguments in its own way: simple_protocol
// as literals, whose type the server has to find.
func TestEveryCallInEveryExecMode(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			pg := openWith(t, "default_query_exec_mode="+mode)
			migrate(t, pg)
			registerTypes(t, pg)
			writeRows(t, pg)
			loadFiles(t, pg)
			loadInChunks(t, pg)
		})
	}
}

func migrate(t *testing.T, pg *db.DB) {
	t.Helper()
	if err := migrations.Install(t.Context(), pg.Pool()); err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{"00001_one.sql": {Data: []byte("-- +goose Up\nCREATE TABLE one ();\n-- +goose Down\nDROP TABLE one;\n")}}
	if done, err := migrations.Up(t.Context(), pg.Pool(), files); err != nil || len(done) != 1 {
		t.Fatalf("up: %v, %v", done, err)
	}
	if states, err := migrations.Status(t.Context(), pg.Pool(), files); err != nil || len(states) != 1 || states[0].Pending() {
		t.Fatalf("status: %v, %v", states, err)
	}
	if done, err := migrations.Down(t.Context(), pg.Pool(), files, 0); err != nil || len(done) != 1 {
		t.Fatalf("down: %v, %v", done, err)
	}
}

func registerTypes(t *testing.T, pg *db.DB) {
	t.Helper()
	exec(t, pg, "CREATE TYPE mood AS ENUM ('sad')")
	exec(t, pg, "CREATE TYPE pair AS (a mood, b int)")
	registered, err := db.Open(t.Context(), pg.Pool().Config().ConnString(), &db.Options{Types: []string{"mood", "pair"}})
	if err != nil {
		t.Errorf("types: %v", err)
		return
	}
	registered.Close()
}

// writeRows makes all calls of a Table.
func writeRows(t *testing.T, pg *db.DB) {
	t.Helper()
	type row struct {
		ID   int64
		Name string
	}
	exec(t, pg, "CREATE TABLE numbered (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text)")
	numbered := batchinsert.MustTable[row]("numbered").With(batchinsert.Options{KeepIdentity: true})
	rows := []row{{1, "a"}, {2, "b"}}
	in := map[string]batchinsert.Source[row]{"slice": batchinsert.Rows(rows), "iterator": batchinsert.Seq(slices.Values(rows))}
	refuse := batchinsert.OnConflict{Keys: []string{"id"}, Duplicates: batchinsert.Refuse}
	for from, source := range in {
		for name, write := range map[string]func(w batchinsert.Writer) error{
			"insert": func(w batchinsert.Writer) error { _, err := numbered.Insert(t.Context(), w, source); return err },
			"copy":   func(w batchinsert.Writer) error { _, err := numbered.Copy(t.Context(), w, source); return err },
			"upsert": func(w batchinsert.Writer) error {
				_, err := numbered.Upsert(t.Context(), w, source, refuse)
				return err
			},
			"returning": func(w batchinsert.Writer) error {
				_, err := batchinsert.InsertReturning[int64](t.Context(), w, numbered, source, "id")
				return err
			},
		} {
			exec(t, pg, "TRUNCATE numbered RESTART IDENTITY")
			if err := write(pg); err != nil {
				t.Errorf("%s of a %s: %v", name, from, err)
				continue
			}
			if next := get[int64](t, pg, "INSERT INTO numbered (name) VALUES ('next') RETURNING id"); next != 3 {
				t.Errorf("%s of a %s: the next id is %d", name, from, next)
			}
		}
		if counts, err := numbered.UpdateMany(t.Context(), pg, source, "id"); err != nil || counts.Unchanged != 2 {
			t.Errorf("update of a %s: %+v, %v", from, counts, err)
		}
		if n, err := numbered.DeleteMany(t.Context(), pg, source, "id"); err != nil || n != 2 {
			t.Errorf("delete of a %s: %d, %v", from, n, err)
		}
	}
	w := numbered.NewWriter(pg, nil)
	if err := w.Write(t.Context(), rows[0]); err != nil {
		t.Errorf("buffered: %v", err)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Errorf("buffered: %v", err)
	}
}

// loadFiles makes the calls for files that are one transaction.
func loadFiles(t *testing.T, pg *db.DB) {
	t.Helper()
	exec(t, pg, createItems)
	exec(t, pg, "CREATE INDEX by_name ON items (name)")
	text := itemsFile(100)
	inferred, err := batchinsert.Infer(t.Context(), batchinsert.CSV(strings.NewReader(text)), "items", nil)
	if err != nil || inferred.Rows != 100 {
		t.Errorf("infer: %+v, %v", inferred, err)
	}
	for name, opts := range map[string]*batchinsert.LoadOptions{
		"plain": nil, "dry run": {DryRun: true}, "truncate": {Truncate: true, DropIndexes: true}, "on conflict": {OnConflict: &byID},
		"dry run on conflict": {DryRun: true, OnConflict: &byID}, "async": {AsyncCommit: true},
	} {
		exec(t, pg, "TRUNCATE items")
		report, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(text)), opts)
		if err != nil || report.Rows != 100 {
			t.Errorf("load, %s: %+v, %v", name, report, err)
		}
	}
	exec(t, pg, "TRUNCATE items")
	records := batchinsert.Records{Columns: []string{"id", "name"}, Rows: func(yield func([]any, error) bool) { yield([]any{1, "a"}, nil) }}
	if _, err := batchinsert.Load(t.Context(), pg, "items", records, nil); err != nil {
		t.Errorf("load of records: %v", err)
	}
	err = pgx.BeginFunc(t.Context(), pg, func(tx pgx.Tx) error {
		_, err := batchinsert.Load(t.Context(), tx, "items", batchinsert.NDJSON(strings.NewReader(`{"id":2,"name":"b"}`)), nil)
		return err
	})
	if err != nil {
		t.Errorf("load of NDJSON in a transaction: %v", err)
	}
	var out bytes.Buffer
	if n, err := batchinsert.Export(t.Context(), pg, "TABLE items", &out, nil); err != nil || n != 2 {
		t.Errorf("export: %d, %v", n, err)
	}
}

// loadInChunks makes the calls for loads in chunks.
func loadInChunks(t *testing.T, pg *db.DB) {
	t.Helper()
	ctx, text := t.Context(), itemsFile(3000)
	in := func() io.Reader { return strings.NewReader(text) }
	indexed := batchinsert.LoadOptions{ID: "indexed", Jobs: 2, ChunkBytes: 4000, DropIndexes: true, OnBad: batchinsert.Quarantine}
	bad := strings.NewReader(text + "x,bad,1\n")
	exec(t, pg, "TRUNCATE items")
	if report, err := batchinsert.Load(ctx, pg, "items", batchinsert.CSV(bad), &indexed); err != nil || report.Rows != 3000 || report.Bad != 1 {
		t.Errorf("load in chunks: %+v, %v", report, err)
	}
	exec(t, pg, "TRUNCATE items")
	opts := &batchinsert.LoadOptions{ID: "planned", ChunkBytes: 4000}
	chunks, err := batchinsert.Plan(ctx, pg, "items", batchinsert.CSV(in()), opts)
	if err != nil || len(chunks) < 3 {
		t.Fatalf("plan: %v, %v", chunks, err)
	}
	if _, err := batchinsert.LoadChunk(ctx, pg, "items", batchinsert.CSV(in()), 1, opts); err != nil {
		t.Errorf("load a chunk: %v", err)
	}
	repaired := strings.NewReader(strings.TrimSuffix(text, "\n") + "1\n") // in a chunk that is not loaded
	if report, err := batchinsert.Load(ctx, pg, "items", batchinsert.CSV(repaired), opts); err != nil || report.Rows+report.Skipped != 3000 || report.Skipped == 0 {
		t.Errorf("resume: %+v, %v", report, err)
	}
	if rows, err := batchinsert.Forget(ctx, pg, "planned"); err != nil || rows != 3000 {
		t.Errorf("forget: %d, %v", rows, err)
	}
	exec(t, pg, "DROP INDEX by_name")
	exec(t, pg, "INSERT INTO headrace.dropped_indexes (index_name, load_id, target, definition) VALUES ('public.by_name', 'indexed', 'items', 'CREATE INDEX by_name ON items (name)')")
	if names, err := batchinsert.RestoreIndexes(context.WithoutCancel(ctx), pg); err != nil || len(names) != 1 {
		t.Errorf("restore indexes: %v, %v", names, err)
	}
}
