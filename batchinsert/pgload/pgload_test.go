//go:build server

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
)

const cities = "../../examples/shared/geonames/cities.csv.gz"

func TestCitiesWithABar(t *testing.T) {
	t.Parallel()
	url, ask := database(t)
	c := (&call{terminal: true}).run(t, exitDone, "-d", url, "-table", "cities", "-create", cities)
	c.says(t, `CREATE TABLE "cities"`, `"population" integer`, "cities.csv.gz", "100 %", "135,233 rows", "rows/s)")
	if got := ask("SELECT count(*)::text FROM cities"); got != "135233" {
		t.Error(got)
	}
}

type reading struct {
	ID    int64     `parquet:"id"`
	Name  *string   `parquet:"name,optional"`
	Value float64   `parquet:"value"`
	At    time.Time `parquet:"at,timestamp(microsecond)"`
}

func parquetFile(t *testing.T, rows int) string {
	t.Helper()
	readings := make([]reading, rows)
	for i := range readings {
		name := fmt.Sprint("name ", i%10)
		readings[i] = reading{ID: int64(i), Name: &name, Value: float64(i) / 2, At: time.Unix(int64(i), 0)}
		if i%4 == 0 {
			readings[i].Name = nil
		}
	}
	path := filepath.Join(t.TempDir(), "readings.parquet")
	if err := parquet.WriteFile(path, readings); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestParquet(t *testing.T) {
	t.Parallel()
	url, ask := database(t)
	path := parquetFile(t, 5000)
	c := new(call).run(t, exitDone, "-d", url, "-table", "r", "-create", path)
	c.says(t, `"id" integer NOT NULL`, `"name" text,`, `"value" double precision NOT NULL`, `"at" timestamptz NOT NULL`, "readings.parquet: 5000 rows")
	if got := ask("SELECT concat_ws(' ', count(*), count(name), sum(id), sum(value), extract(epoch FROM max(at))::int) FROM r"); got != "5000 3750 12497500 6248750 4999" {
		t.Error(got)
	}
	// From standard input, known by its first bytes, and only some columns.
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	(&call{stdin: bytes.NewReader(file)}).run(t, exitDone, "-d", url, "-table", "s", "-create", "-columns", "id,at")
	if got := ask("SELECT count(at)::text FROM s"); got != "5000" {
		t.Error(got)
	}
	damaged := write(t, "x.parquet", string(file[:len(file)-100]))
	new(call).run(t, exitFailed, "-d", url, "-table", "r", damaged).says(t, "x.parquet: open Parquet file", "cut off", "nothing was written")
	new(call).run(t, exitFailed, "-d", url, "-table", "r", "-columns", "nome", path).says(t, `no column "nome"`)
}

// The 3,000,000 flights beside the repository, where they are.
func TestFlights(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "..", "shared", "data", "flights-3m.parquet")
	want := "3000000"
	if _, err := os.Stat(path); err != nil {
		path, want = parquetFile(t, 20_000), "20000"
		t.Logf("a file of its own instead: %v", err)
	}
	url, ask := database(t)
	c := (&call{terminal: true}).run(t, exitDone, "-d", url, "-table", "flights", "-create", path)
	c.says(t, "100 %", want+" rows")
	t.Log(c.stderr[strings.LastIndex(c.stderr[:len(c.stderr)-1], "\n")+1:])
	if got := ask("SELECT count(*)::text FROM flights"); got != want {
		t.Error(got)
	}
}

func TestStandardInput(t *testing.T) {
	t.Parallel()
	url, ask := database(t)
	(&call{stdin: strings.NewReader(numbers(10, nil))}).run(t, exitDone, "-d", url, "-table", "t", "-create")
	(&call{stdin: strings.NewReader(`{"id": 11, "name": "eleven"}`)}).run(t, exitDone, "-d", url, "-table", "t")
	execute(t, url, "ALTER TABLE t ADD PRIMARY KEY (id), ALTER name DROP NOT NULL")
	(&call{stdin: strings.NewReader("12;\"a;b\"\n13;none\n")}).run(t, exitDone, "-d", url, "-table", "t", "-columns", "id,name", "-delimiter", ";", "-on-conflict", "id", "-null", "none", "-format", "csv", "-")
	if got := ask("SELECT concat_ws(' ', count(*), count(name), max(id), max(name) FILTER (WHERE id = 12)) FROM t"); got != "13 12 13 a;b" {
		t.Error(got)
	}
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	url, ask := database(t)
	path := write(t, "n.csv", numbers(5000, map[int]string{17: "x,y", 4000: "4000"}))
	args := []string{"-d", url, "-table", "n", "-quarantine", "-max-bad", "50%", path}
	(&call{stdin: strings.NewReader("id,name\n0,zero\n")}).run(t, exitDone, "-d", url, "-table", "n", "-create")
	new(call).run(t, exitFailed, args...).says(t, "-install")
	c := new(call).run(t, exitBadRows, append([]string{"-install"}, args...)...)
	c.says(t, "n.csv: 4998 rows", "2 bad rows:", `n.csv:18, column "id"`, "SQLSTATE 22P02", "n.csv:4001", "FROM headrace.quarantine WHERE load_id = 'load ")
	_, query, _ := strings.Cut(c.stderr, "SELECT line")
	if got := ask("SELECT string_agg(sqlstate, ' ') FROM (SELECT line" + strings.TrimRight(query, ";\n") + ") q"); got != "22P02 22P04" {
		t.Error(got)
	}
	new(call).run(t, exitFailed, "-d", url, "-table", "n", "-quarantine", "-max-bad", "1", path).says(t, "more than 1 lines are bad")
	new(call).run(t, exitBadRows, "-d", url, "-table", "n", "-dry-run", path).says(t, "nothing was written", "2 bad rows")
	new(call).run(t, exitFailed, "-d", url, "-table", "n", path).says(t, "n.csv:18", "nothing was written")
	if got := ask("SELECT count(*)::text FROM n"); got != "4999" {
		t.Error(got)
	}
}

// dripping is standard input that stops to come after some text, and says so.
type dripping struct {
	text  io.Reader
	empty func()
	stop  <-chan struct{}
}

func (d *dripping) Read(p []byte) (int, error) {
	if n, err := d.text.Read(p); err == nil {
		return n, nil
	}
	d.empty()
	<-d.stop
	return 0, io.ErrClosedPipe
}

func TestInterruptedAndResumed(t *testing.T) {
	t.Parallel()
	url, ask := database(t)
	new(call).run(t, exitDone, "-d", url, "-table", "n", "-create", "-install", write(t, "one.csv", "id,name\n0,zero\n"))
	text := numbers(900_000, nil) // some chunks
	ctx, cancel := context.WithCancel(t.Context())
	in := &dripping{text: strings.NewReader(text[:len(text)/10*9]), empty: cancel, stop: ctx.Done()}
	resume := []string{"-d", url, "-table", "n", "-resume", "nightly", "-jobs", "2", "-format", "csv"}
	c := (&call{ctx: ctx, stdin: in}).run(t, exitInterrupted, resume...)
	c.says(t, "stdin: ", "are in the table, and stay", "The same command goes on")
	(&call{stdin: strings.NewReader(text)}).run(t, exitDone, resume...).says(t, "rows into n")
	if got := ask("SELECT concat_ws(' ', count(*), sum(id)) FROM n"); got != fmt.Sprint(900_001, " ", int64(900_000)*900_001/2) {
		t.Error(got)
	}
	(&call{stdin: strings.NewReader(text)}).run(t, exitDone, resume...).says(t, "0 rows into n", "900000 were in it already")
	// One transaction: nothing stays.
	ctx, cancel = context.WithCancel(t.Context())
	in = &dripping{text: strings.NewReader(text[:1000]), empty: cancel, stop: ctx.Done()}
	(&call{ctx: ctx, stdin: in}).run(t, exitInterrupted, "-d", url, "-table", "n").says(t, "nothing was written")
}

func TestSeveralFiles(t *testing.T) {
	t.Parallel()
	url, ask := database(t)
	one, two := write(t, "one.csv", "id,name\n1,a\n"), write(t, "two.ndjson", `{"id":2,"name":"b"}`)
	bad := write(t, "bad.csv", "id,name\nx,a\n")
	new(call).run(t, exitFailed, "-d", url, "-table", "n", "-create", one, two, bad).says(t, `bad.csv:2, column "id"`, "nothing was written")
	new(call).run(t, exitDone, "-d", url, "-table", "n", "-create", "-install", one, two)
	new(call).run(t, exitDone, "-d", url, "-table", "n", "-resume", "x", one, two)
	new(call).run(t, exitDone, "-d", url, "-table", "n", "-resume", "x", one, two).says(t, "1 were in it already")
	if got := ask("SELECT string_agg(name, ' ' ORDER BY name) FROM n"); got != "a a b b" {
		t.Error(got)
	}
	new(call).run(t, exitDone, "-d", url, "-table", "n", "-truncate", "-drop-indexes", one)
	if got := ask("SELECT string_agg(name, ' ') FROM n"); got != "a" {
		t.Error(got)
	}
}
