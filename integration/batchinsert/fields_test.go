package batchinsert_test

import (
	"context"
	"strings"
	"testing"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/migrations"
)

// openNotes returns a handle to a table whose records the library parses, and
// one whose records the server has to parse.
func openNotes(t *testing.T) *db.DB {
	t.Helper()
	pg, err := db.Open(t.Context(), pgtest.New(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	if err := migrations.Install(t.Context(), pg.Pool()); err != nil {
		t.Fatal(err)
	}
	exec(t, pg, "CREATE TABLE parsed (id int, note text)")
	exec(t, pg, "CREATE TABLE left_to_server (id int, note text, search tsvector)")
	return pg
}

// notesFile is CSV of ids and notes for a table of openNotes.
func notesFile(table, comma string, lines ...string) string {
	if table == "parsed" {
		return strings.Join(append([]string{"id" + comma + "note"}, lines...), "\n") + "\n"
	}
	text := "id" + comma + "note" + comma + "search\n"
	for _, line := range lines {
		text += line + comma + "w\n"
	}
	return text
}

const showNotes = "SELECT coalesce(string_agg(id || '=' || coalesce(note, 'NULL'), ' | ' ORDER BY id), '') FROM "

func TestNoQuoteTakesQuotesAsData(t *testing.T) {
	t.Parallel()
	pg := openNotes(t)
	lines := []string{"1\t5\" disk", "2\t6\" disk", "3\t\"x\"", `4	a\b`, "5\t", `6	\N`, "7\t\"", `8	\.`}
	for _, table := range []string{"parsed", "left_to_server"} {
		for _, eol := range []string{"\n", "\r\n", "\r"} {
			exec(t, pg, "TRUNCATE "+table)
			opts := &batchinsert.LoadOptions{Comma: '\t', NoQuote: true, Null: `\N`, ChunkBytes: 16}
			text := strings.ReplaceAll(notesFile(table, "\t", lines...), "\n", eol)
			report, err := batchinsert.Load(t.Context(), pg, table, batchinsert.CSV(strings.NewReader(text)), opts)
			if err != nil || report.Rows != 8 {
				t.Errorf("%s, lines end in %q: %d rows, %v", table, eol, report.Rows, err)
			}
			if got, want := get[string](t, pg, showNotes+table), `1=5" disk | 2=6" disk | 3="x" | 4=a\b | 5= | 6=NULL | 7=" | 8=\.`; got != want {
				t.Errorf("%s, lines end in %q:\n%s\nwant\n%s", table, eol, got, want)
			}
		}
		// Bad lines are named, and put into quarantine.
		opts := &batchinsert.LoadOptions{Comma: '\t', NoQuote: true, OnBad: batchinsert.Quarantine}
		exec(t, pg, "TRUNCATE "+table)
		report, err := batchinsert.Load(t.Context(), pg, table, batchinsert.CSV(strings.NewReader(notesFile(table, "\t", "1\ta\tb", "2\tb", "x\tc", "4\td"))), opts)
		if err != nil || report.Rows != 2 || report.Bad != 2 {
			t.Errorf("%s: %+v, %v", table, report, err)
		}
	}
}

func TestQuoteInsideFieldThatJoinsLinesIsRefused(t *testing.T) {
	t.Parallel()
	pg := openNotes(t)
	for _, table := range []string{"parsed", "left_to_server"} {
		text := notesFile(table, ",", "1,a", `2,5" disk`, `3,6" disk`, `4,"ok`+"\n"+`ok"`, `5,in "one" line`, `6,"a""b`+"\n"+`c"`)
		_, err := batchinsert.Load(t.Context(), pg, table, batchinsert.CSV(strings.NewReader(text)), nil)
		wantError(t, err, "input:3", "a quote inside a field opens text that goes on in the next line", "LoadOptions.NoQuote")
		wantCount(t, pg, table, 0)
		report, err := batchinsert.Load(t.Context(), pg, table, batchinsert.CSV(strings.NewReader(text)), &batchinsert.LoadOptions{OnBad: batchinsert.Quarantine})
		if err != nil || report.Rows != 4 || report.Bad != 1 {
			t.Errorf("%s: %+v, %v", table, report, err)
		}
		if got, want := get[string](t, pg, showNotes+table), "1=a | 4=ok\nok | 5=in one line | 6=a\"b\nc"; got != want {
			t.Errorf("%s: %s", table, got)
		}
	}
	_, err := batchinsert.Infer(t.Context(), batchinsert.CSV(strings.NewReader("a,b\n1,5\" disk\n2,6\" disk\n")), "t", nil)
	wantError(t, err, "input:2", "a quote inside a field")
}

func TestRenameAndSkip(t *testing.T) {
	t.Parallel()
	pg := openNotes(t)
	opts := batchinsert.LoadOptions{Rename: map[string]string{"Nr": "id", "Text": "note"}, Skip: []string{"x", "y"}, ChunkBytes: 16}
	for name, in := range map[string]batchinsert.Input{
		"csv":    batchinsert.CSV(strings.NewReader("x,Nr,y,Text\n?,1,,\"a\"\n?,2,\"\n\",\n,3,,\\.\n")),
		"ndjson": batchinsert.NDJSON(strings.NewReader("{\"Nr\":1,\"x\":{},\"Text\":\"a\"}\n{\"Nr\":2,\"Text\":null}\n{\"y\":3,\"Nr\":3,\"Text\":\"\\\\.\"}\n")),
	} {
		exec(t, pg, "TRUNCATE parsed")
		report, err := batchinsert.Load(t.Context(), pg, "parsed", in, &opts)
		if err != nil || report.Rows != 3 {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
		if got := get[string](t, pg, showNotes+"parsed"); got != `1=a | 2=NULL | 3=\.` {
			t.Errorf("%s: %s", name, got)
		}
	}
	_, err := batchinsert.Load(t.Context(), pg, "parsed", batchinsert.CSV(strings.NewReader("a,Nr,Text\n")), &opts)
	wantError(t, err, `no field "x" to skip`, `"Nr"`)
	opts.Skip = nil
	_, err = batchinsert.Load(t.Context(), pg, "parsed", batchinsert.CSV(strings.NewReader("Nr\n1\n")), &opts)
	wantError(t, err, `no field "Text" to rename`)
	_, err = batchinsert.Load(t.Context(), pg, "parsed", batchinsert.CSV(strings.NewReader("Nr,Text\n1,a\n2\n")), &batchinsert.LoadOptions{Rename: opts.Rename, Skip: []string{"Text"}})
	wantError(t, err, "input:3", "the record has 1 fields, and the header names 2")
}

// A record of nothing but \. ends the reading of servers before version 18.
func TestEndOfDataMarkIsData(t *testing.T) {
	t.Parallel()
	ctx := context.WithoutCancel(t.Context())
	pg := openNotes(t)
	exec(t, pg, "CREATE TABLE one (note text)")
	exec(t, pg, "CREATE TABLE kept (note text)")
	exec(t, pg, "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'")
	exec(t, pg, "CREATE TRIGGER keep BEFORE INSERT ON kept FOR EACH ROW EXECUTE FUNCTION keep()")
	for _, table := range []string{"one", "kept"} {
		for _, text := range []string{"note\na\n\\.\nb\n", "note\r\n\\.\r\n\"a\"\r\nb", "note\na\nb\n\\."} {
			exec(t, pg, "TRUNCATE "+table)
			report, err := batchinsert.Load(ctx, pg, table, batchinsert.CSV(strings.NewReader(text)), nil)
			if got := get[string](t, pg, "SELECT string_agg(note, ' ' ORDER BY note) FROM "+table); err != nil || report.Rows != 3 || got != `\. a b` {
				t.Errorf("%s, %q: %s, %v, %v", table, text, got, report.Rows, err)
			}
		}
	}
	exec(t, pg, "CREATE TABLE three (a int, b int, c interval)")
	report, err := batchinsert.Load(ctx, pg, "three", batchinsert.CSV(strings.NewReader("a,b,c\nx,1,1 day\n\\.\n2,2,2 days\n")), &batchinsert.LoadOptions{OnBad: batchinsert.Quarantine})
	if err != nil || report.Rows != 1 || report.Bad != 2 {
		t.Errorf("%+v, %v", report, err)
	}
	if got := get[string](t, pg, `SELECT string_agg(concat_ws(' ', line, sqlstate, convert_from(raw, 'UTF8')), '') FROM headrace.quarantine WHERE target = '"three"'`); got != "2 22P02 x,1,1 day\n3 22P02 \\.\n" {
		t.Errorf("quarantined: %q", got)
	}
}

// A source that ends within a line is reported, or refused.
func TestUnendedFileIsReported(t *testing.T) {
	t.Parallel()
	pg := openNotes(t)
	const text = "id,note\n1,one\n2,tw"
	for id, opts := range map[string]batchinsert.LoadOptions{"": {}, "x": {ID: "x"}, "dry": {DryRun: true}, "jobs": {Jobs: 2}} {
		exec(t, pg, "TRUNCATE parsed")
		report, err := batchinsert.Load(t.Context(), pg, "parsed", batchinsert.CSV(strings.NewReader(text)), &opts)
		if err != nil || !report.Unended {
			t.Errorf("%q: %+v, %v", id, report, err)
		}
		if opts.ID != "" {
			opts.ID += "strict"
		}
		opts.Strict = true
		exec(t, pg, "TRUNCATE parsed")
		_, err = batchinsert.Load(t.Context(), pg, "parsed", batchinsert.CSV(strings.NewReader(text)), &opts)
		wantError(t, err, "input:3: the last line has no line end")
		wantCount(t, pg, "parsed", 0)
		opts.ID = ""
		report, err = batchinsert.Load(t.Context(), pg, "parsed", batchinsert.CSV(strings.NewReader(text+"\n")), &opts)
		if err != nil || report.Unended {
			t.Errorf("%q: %+v, %v", id, report, err)
		}
	}
	// An object of JSON says itself where it ends.
	exec(t, pg, "TRUNCATE parsed")
	report, err := batchinsert.Load(t.Context(), pg, "parsed", batchinsert.NDJSON(strings.NewReader(`{"id":1}`)), &batchinsert.LoadOptions{Strict: true})
	if err != nil || report.Unended {
		t.Errorf("%+v, %v", report, err)
	}
	_, err = batchinsert.Infer(t.Context(), batchinsert.CSV(strings.NewReader(text)), "t", &batchinsert.LoadOptions{Strict: true})
	wantError(t, err, "input:3: the last line has no line end")
}
