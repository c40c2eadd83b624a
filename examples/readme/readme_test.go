package main

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// The program prints the changed row.
func TestProgram(t *testing.T) {
	url := pgtest.New(t)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	_, err = conn.Exec(t.Context(), `CREATE TABLE cities AS SELECT 42 AS id, 'Kent' AS name, 118000 AS population`)
	if err != nil {
		t.Fatal(err)
	}
	got := printed(t, func() error { return run(t.Context(), url) })
	if got != "Kent 118001\n" {
		t.Errorf("printed %q, want the city with one inhabitant more", got)
	}
}

// printed returns the standard output of do, which must fit a pipe. It fails
// the test if do returns an error.
func printed(t *testing.T, do func() error) string {
	t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	previous := os.Stdout
	os.Stdout = in
	err = do()
	os.Stdout = previous
	_ = in.Close()
	text, readErr := io.ReadAll(out)
	if err != nil || readErr != nil {
		t.Fatal(err, readErr)
	}
	return string(text)
}

// The README shows this program without imports, functions and error handling.
// Its lines must be lines of the program, in the same order.
func TestReadmeShowsThisProgram(t *testing.T) {
	source := read(t, "main.go")
	_, rest, found := strings.Cut(read(t, "../../README.md"), "```go\n")
	block, _, closed := strings.Cut(rest, "```\n")
	if !found || !closed {
		t.Fatal("README.md has no Go block")
	}
	lines := strings.Split(source, "\n")
	shown := 0
	for want := range strings.Lines(block) {
		want = strings.TrimSpace(want)
		if want == "" {
			continue
		}
		shown++
		at := indexLine(lines, want)
		if at < 0 {
			t.Fatalf("README.md shows %q, which the program does not have there", want)
		}
		lines = lines[at+1:]
	}
	if shown != 12 {
		t.Errorf("the program in README.md has %d lines, want 12", shown)
	}
}

// indexLine returns the index of a line. It ignores indentation and the spaces
// before comments, which gofmt aligns.
func indexLine(lines []string, want string) int {
	for i, line := range lines {
		if strings.Join(strings.Fields(line), " ") == strings.Join(strings.Fields(want), " ") {
			return i
		}
	}
	return -1
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
