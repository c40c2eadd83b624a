//go:build server

package main

import (
	"errors"
	"strings"
	"testing"
)

func TestKeepIdentity(t *testing.T) {
	t.Parallel()
	url, ask := database(t)
	execute(t, url, "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, name text)")
	path := write(t, "n.csv", numbers(3, nil))
	c := new(call).run(t, exitFailed, "-d", url, "-table", "t", path)
	c.says(t, `identity column "id"`, "-keep-identity takes the file's")
	if strings.Contains(c.stderr, "LoadOptions") {
		t.Error(c.stderr)
	}
	new(call).run(t, exitDone, "-d", url, "-table", "t", "-keep-identity", path)
	execute(t, url, "INSERT INTO t (name) VALUES ('four')")
	if got := ask("SELECT string_agg(id::text, ' ' ORDER BY id) FROM t"); got != "1 2 3 4" {
		t.Error(got)
	}
}

// What files have in them is neither a command to the terminal nor a flood.
func TestBadFieldsAreCutAndQuoted(t *testing.T) {
	t.Parallel()
	url, _ := database(t)
	execute(t, url, "CREATE TABLE n (id int, name text)")
	path := write(t, "n.csv", numbers(5, map[int]string{2: strings.Repeat("x", 100_000) + ",a", 4: "\x1b]0;owned\a\u202ex,b"}))
	for _, args := range [][]string{{"-dry-run"}, {"-install", "-quarantine"}} {
		c := new(call).run(t, exitBadRows, append(args, "-d", url, "-table", "n", path)...)
		c.says(t, `column "id"`, "xxx ... xxx", "(SQLSTATE 22P02)", `\x1b]0;owned\a\u202ex`)
		if len(c.stderr) > 3000 || strings.ContainsAny(c.stderr, "\x1b\a\u202e") {
			t.Errorf("%d bytes: %q", len(c.stderr), c.stderr)
		}
	}
	c := new(call).run(t, exitFailed, "-d", url, "-table", "n", path)
	if len(c.stderr) > 3000 {
		t.Errorf("%d bytes", len(c.stderr))
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"é\n日": "é\n日", "\xff\x00\u009b": `\xff\x00\u009b`, "\ufffd": `\ufffd`} {
		if got := printable(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	if got := words(errors.New("a\nb")); got != `a\nb` {
		t.Error(got)
	}
}

// The query that is printed runs, whatever bytes the quarantined lines have.
func TestPrintedQueryShowsEveryLine(t *testing.T) {
	t.Parallel()
	url, ask := database(t)
	execute(t, url, "CREATE TABLE n (id int, name text)")
	for text, want := range map[string]string{"x,\xff\x00\nx,é\n": `2 x,\377\000` + "\n" + `,3 x,\303\251` + "\n", "y,é\n": "2 y,é\n"} {
		c := new(call).run(t, exitBadRows, "-install", "-d", url, "-table", "n", "-quarantine", write(t, "n.csv", "id,name\n"+text))
		_, query, _ := strings.Cut(c.stderr, "SELECT line")
		query = "SELECT string_agg(line || ' ' || text, ',' ORDER BY line) FROM (SELECT line" + strings.TrimRight(query, ";\n") + ") q(line, column_name, sqlstate, message, text)"
		if got := ask(query); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
