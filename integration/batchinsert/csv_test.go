package batchinsert_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/batchinsert"
)

func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestLoadCSV(t *testing.T) {
	t.Parallel()
	const file = "name,id,price\r\n\"with \"\"quotes\"\", &\nlf\",1,2.5\r\nplain,2,\r\n"
	pg := open(t, createItems)
	for name, input := range map[string]io.Reader{
		"plain":    strings.NewReader(file),
		"marked":   strings.NewReader("\ufeff" + file),
		"gzip":     bytes.NewReader(gzipped(t, file)),
		"trickled": iotest.OneByteReader(strings.NewReader(file)),
		"unended":  strings.NewReader(strings.TrimSuffix(file, "\r\n")),
	} {
		exec(t, pg, "TRUNCATE items")
		report, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(input), nil)
		if err != nil || report.Rows != 2 {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
		if got := get[string](t, pg, "SELECT string_agg(concat_ws('|', id, name, price), ';' ORDER BY id) FROM items"); got != "1|with \"quotes\", &\nlf|2.5;2|plain" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestLoadCSVDialects(t *testing.T) {
	t.Parallel()
	pg := open(t, `CREATE TABLE odd ("A;b" text, c text)`)
	opts := &batchinsert.LoadOptions{Comma: ';', Quote: '\'', Escape: '\\', Null: `\N`}
	_, err := batchinsert.Load(t.Context(), pg, "odd", batchinsert.CSV(strings.NewReader("'A;b';c\n'it\\'s';\\N\n")), opts)
	if err != nil {
		t.Fatal(err)
	}
	if got := get[string](t, pg, `SELECT "A;b" || coalesce(c, ' null') FROM odd`); got != "it's null" {
		t.Error(got)
	}
}

func TestLoadCSVErrorsNameTheLine(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	path := filepath.Join(t.TempDir(), "items.csv")
	for _, c := range []struct {
		file string
		want []string
		line int64
	}{
		{"", []string{"items.csv:1: the file is empty"}, 1},
		{"id,nome\n", []string{`names a column "nome"`, "price, id, added, name"}, 1},
		{"id,name,id\n", []string{`names column "id" twice`}, 1},
		{"id,,name\n", []string{"field 2 is empty"}, 1},
		{"id,price\n", []string{`column "name"`, "NOT NULL without a default"}, 1},
		{"id,\"name\n", []string{"quote in the header is not closed"}, 1},
		{"id,name\n1,a\nx,b\n", []string{`items.csv:3, column "id"`, `invalid input syntax for type bigint: "x"`}, 3},
		{"\"id\",\"na\nme\"\n", []string{`names a column "na\nme"`}, 1},
		{"id,name\n1,\"a\nb\"\n2\n", []string{`items.csv:4, column "name"`, "missing data"}, 4},
		{"id,name\n1,a\n2,\n", []string{`items.csv:3, column "name"`, "null value"}, 3},
		{"id,name\n1,\"a\nb\"\n2,\"x\ny\",\n3,c\n", []string{"items.csv:4", "extra data"}, 4},
		{"id,name\n1,a,b\n", []string{"items.csv:2", "extra data"}, 2},
		{"id,name\n1,a\n1,b\n", []string{"items.csv:3", "duplicate key"}, 3},
		{"id,name\n1,\xff\n", []string{"items.csv:2", "invalid byte sequence"}, 2},
		{"id,name\n1,a\n\\.\n2,b\n", []string{`.`}, 3},
		{"id,name\n1,\"open\n2,b\n", []string{"items.csv:2", "unterminated"}, 2},
		{"\xff\xfei\x00d\x00\n\x00", []string{`column "name" (character varying) is NOT NULL`}, 1},
		{string(gzipped(t, "id,name\n1,a\n")[:20]), []string{"gzip"}, 2},
	} {
		if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(file), nil)
		file.Close()
		wantError(t, err, c.want...)
		var line *batchinsert.LineError
		if c.line > 0 && (!errors.As(err, &line) || line.Line != c.line) {
			t.Errorf("%q: %v is not about line %d", c.file, err, c.line)
		}
		wantCount(t, pg, "items", 0)
	}
	_, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader("id,name\nx,b\n")), nil)
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || pgErr.Code != "22P02" {
		t.Errorf("%v", err)
	}
}

func TestLoadCSVCutArchive(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	text := "id,name\n"
	for _, i := range manyItems(20_000) {
		text += strings.ReplaceAll("#,item\n", "#", i.Name[5:])
	}
	whole := gzipped(t, text)
	_, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(bytes.NewReader(whole[:len(whole)-10])), nil)
	wantError(t, err, "input:", "gzip: the file is cut off: unexpected EOF")
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the input's own error is lost")
	}
	wantCount(t, pg, "items", 0)
}

func TestLoadCSVIdentity(t *testing.T) {
	t.Parallel()
	pg := open(t, "CREATE TABLE words (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text)")
	const file = "id,name\n7,x\n"
	_, err := batchinsert.Load(t.Context(), pg, "words", batchinsert.CSV(strings.NewReader(file)), nil)
	wantError(t, err, `identity column "id"`, "KeepIdentity")
	if _, err := batchinsert.Load(t.Context(), pg, "words", batchinsert.CSV(strings.NewReader(file)), &batchinsert.LoadOptions{KeepIdentity: true}); err != nil {
		t.Fatal(err)
	}
	if got := get[int64](t, pg, "INSERT INTO words (name) VALUES ('x') RETURNING id"); got != 8 {
		t.Errorf("next id %d", got)
	}
}

func TestLoadCSVProgress(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	var last batchinsert.Progress
	calls := 0
	r, w := io.Pipe()
	go func() {
		io.WriteString(w, "id,name\n")
		for _, i := range []string{"1,a\n", "2,b\n", "3,c\n", "4,d\n", "5,e\n", "6,f\n"} {
			time.Sleep(120 * time.Millisecond)
			io.WriteString(w, i)
		}
		w.Close()
	}()
	_, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(r), &batchinsert.LoadOptions{Progress: func(p batchinsert.Progress) {
		if p.Bytes < last.Bytes || p.Rows < last.Rows {
			t.Errorf("%+v after %+v", p, last)
		}
		last = p
		calls++
	}})

	if err != nil || !last.Done || last.Rows != 6 || last.Bytes != 32 || calls < 3 {
		t.Errorf("%d calls, last %+v, %v", calls, last, err)
	}
}

func TestLoadCSVContext(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	r, w := io.Pipe()
	defer w.Close()
	go io.WriteString(w, "id,name\n1,a\n")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := batchinsert.Load(ctx, pg, "items", batchinsert.CSV(r), nil)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 3*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	wantCount(t, pg, "items", 0)
}
