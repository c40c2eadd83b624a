package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/parquet-go/parquet-go"

	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// output is written to by several goroutines.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// call is pgload with these arguments, and what it wrote.
type call struct {
	ctx      context.Context
	stdin    io.Reader
	terminal bool
	stdout   string
	stderr   string
}

func (c *call) run(t *testing.T, want int, args ...string) *call {
	t.Helper()
	var stdout, stderr output
	if c.ctx == nil {
		c.ctx = t.Context()
	}
	p := &program{stdin: c.stdin, stdout: &stdout, stderr: &stderr, terminal: c.terminal}
	got := p.run(c.ctx, args)
	c.stdout, c.stderr = stdout.String(), stderr.String()
	if got != want {
		t.Fatalf("pgload %q: exit status %d, want %d\n%s", args, got, want, c.stderr)
	}
	return c
}

// says checks what pgload wrote for people.
func (c *call) says(t *testing.T, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(c.stderr, w) {
			t.Errorf("it does not say %q:\n%s", w, c.stderr)
		}
	}
}

// database returns a new database's URL, and a way to ask it.
func database(t *testing.T) (url string, ask func(sql string) string) {
	pool := pgtest.Pool(t)
	return pool.Config().ConnString(), func(sql string) string { return get(t, pool, sql) }
}

func get(t *testing.T, pool *pgxpool.Pool, sql string) (s string) {
	t.Helper()
	if err := pool.QueryRow(context.Background(), sql).Scan(&s); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return s
}

func execute(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.Exec(t.Context(), sql)
	if err := errors.Join(err, conn.Close(t.Context())); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// numbers is a CSV file of n rows, without those in bad.
func numbers(n int, bad map[int]string) string {
	var b strings.Builder
	b.WriteString("id,name\n")
	for i := 1; i <= n; i++ {
		if line, isBad := bad[i]; isBad {
			b.WriteString(line + "\n")
			continue
		}
		fmt.Fprintf(&b, "%d,name %d\n", i, i)
	}
	return b.String()
}

const cities = "../shared/geonames/cities.csv.gz"

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

func TestInfer(t *testing.T) {
	t.Parallel()
	c := new(call).run(t, exitDone, "-table", "public.t", "-infer", write(t, "t.tsv", "id\tzip\n1\t007\n"))
	if want := "CREATE TABLE \"public\".\"t\" (\n    \"id\" integer NOT NULL,\n    \"zip\" text NOT NULL\n);\n"; c.stdout != want {
		t.Errorf("%s", c.stdout)
	}
	new(call).run(t, exitFailed, "-table", "t", "-infer", write(t, "t.csv", "a,b\n1\n")).says(t, "t.csv:2", "1 fields")
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
	new(call).run(t, exitDone, "-d", url, "-table", "n", "-fresh", "-drop-indexes", one)
	if got := ask("SELECT string_agg(name, ' ') FROM n"); got != "a" {
		t.Error(got)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args string
		want string
	}{
		{"x.csv", "-table is missing"},
		{"-table t -format xml", "csv, ndjson or parquet"},
		{"-table t -max-bad 5", "needs -quarantine"},
		{"-table t -quarantine -max-bad 0", "-max-bad 0"},
		{"-table t -quarantine -max-bad 101%", "no share"},
		{"-table t -fresh a b", "one file"},
		{"-table t -fresh -jobs 2", "one transaction"},
		{"-table t -jobs 0", "-jobs is 0"},
		{"-table t -drop-indexes -jobs 2", "needs -resume"},
		{"-table t -create -dry-run", "-infer"},
		{"-table t -delimiter ab", "one byte"},
		{"-table t -resume x a/c.csv b/c.csv", "two files are called c.csv"},
		{"-tabel t", "-tabel"},
	} {
		new(call).run(t, exitUsage, strings.Fields(c.args)...).says(t, c.want)
	}
	new(call).run(t, exitFailed, "-d", "postgres://nobody@127.0.0.1:1/none", "-table", "t", "none.csv").says(t, "pgload:")
}
