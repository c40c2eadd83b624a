//go:build server

package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The format is that of what is in a compressed file.
func TestFormatIsGuessedAfterDecompression(t *testing.T) {
	t.Parallel()
	url, ask := database(t)
	execute(t, url, "CREATE TABLE t (name text, note text)")
	packed := gzipped(t, `{"name":"a","note":"b"}`+"\n"+strings.Repeat(`{"name":"c","note":null}`+"\n", 10_000))
	(&call{stdin: strings.NewReader(packed)}).run(t, exitDone, "-d", url, "-table", "t").says(t, "10001 rows")
	new(call).run(t, exitDone, "-d", url, "-table", "t", write(t, "x", packed))
	if got := ask(showNotes); got != "a=b | a=b" {
		t.Error(got)
	}
}

func TestFilesThatWouldBeMisreadAreNamed(t *testing.T) {
	t.Parallel()
	url, ask := database(t)
	execute(t, url, "CREATE TABLE t (name text, note text)")
	for _, c := range []struct{ name, text, want string }{
		{"a.json", "[\n {\"name\": 1}]", "a.json is one JSON array, and not an object a line: jq -c '.[]'"},
		{"a", `[{"name": 1}]`, "a is one JSON array"},
		{"o.json", "{\n  \"name\": 1\n}\n", "JSON over several lines"},
		{"s.csv", "name;note\na;b\n", `no comma, but ";": -delimiter ';'`},
		{"p.csv", "name|note\n", `-delimiter '|'`},
		{"t.csv", "name\tnote\n", `-delimiter tab`},
		{"x.csv", "PK\x03\x04zip", "x.csv is a zip archive"},
		{"x.csv.xz", "\xfd7zXZ\x00\x00", "x.csv.xz is compressed by xz"},
		{"p.parquet.gz", gzipped(t, "PAR1abc"), "Parquet file in a compressed one"},
		{"c.csv", "name,other\na,b\n", `c.csv:1: the header names a column "other"; the table has name, note; -map and -skip`},
	} {
		args := []string{"-d", url, "-table", "t", write(t, c.name, c.text)}
		new(call).run(t, exitFailed, args...).says(t, c.want)
		if c.name != "c.csv" {
			new(call).run(t, exitFailed, append(args, "-infer")...).says(t, c.want)
		}
	}
	new(call).run(t, exitFailed, "-d", url, "-table", "t", t.TempDir()).says(t, "is a directory")
	new(call).run(t, exitDone, "-d", url, "-table", "t", "-map", "name;x=name", "-delimiter", ",", write(t, "s.csv", "name;x\nd;e\n"))
	if got := ask("SELECT string_agg(name, ' ') FROM t"); got != "d;e" {
		t.Error(got)
	}
}

// A pipe that does not come to an end, or does not begin, does not hold an
// interrupt up.
func TestInterruptEndsReadOfPipe(t *testing.T) {
	t.Parallel()
	url, _ := database(t)
	execute(t, url, "CREATE TABLE n (id int, name text)")
	for _, text := range []string{"", "id,", "id,name\n1,a\n"} {
		for _, flag := range []string{"-dry-run", "-infer", "-create"} {
			ctx, cancel := context.WithCancel(t.Context())
			in, out := io.Pipe()
			go func() {
				if text != "" {
					_, _ = io.WriteString(out, text)
				}
				cancel()
			}()
			c := (&call{ctx: ctx, stdin: in, terminal: true}).run(t, exitInterrupted, "-d", url, "-table", "n", flag)
			if c.says(t, "context canceled"); text != "" {
				c.says(t, "Reading standard input.")
			}
			_ = out.Close()
		}
	}
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	(&call{ctx: ctx}).run(t, exitInterrupted, "-d", url, "-table", "n", "-infer", fifo)
	// A writer that comes and goes lets the reader end, which may not have begun.
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		writer, err := syscall.Open(fifo, syscall.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			_ = syscall.Close(writer)
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody reads: %v", err)
		}
	}
}
