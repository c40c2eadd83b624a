//go:build server

package main

import (
	"strings"
	"testing"
)

// showNotes is what the table t has, in the tests below.
const showNotes = "SELECT coalesce(string_agg(name || '=' || note, ' | ' ORDER BY name), '') FROM t"

func TestQuotesInTSVAreData(t *testing.T) {
	t.Parallel()
	url, ask := database(t)
	execute(t, url, "CREATE TABLE t (name text, note text)")
	path := write(t, "t.tsv", "name\tnote\na\t5\" disk\nb\t6\" disk\n")
	new(call).run(t, exitDone, "-d", url, "-table", "t", path).says(t, "t.tsv: 2 rows")
	if got := ask(showNotes); got != `a=5" disk | b=6" disk` {
		t.Error(got)
	}
	// Asked to take quotes for quotes, it does not join lines.
	new(call).run(t, exitFailed, "-d", url, "-table", "t", "-quote", `"`, path).says(t, "t.tsv:2", "a quote inside a field", "-quote none")
	execute(t, url, "TRUNCATE t")
	new(call).run(t, exitDone, "-d", url, "-table", "t", "-quote", `"`, write(t, "q.tsv", "name\tnote\na\t\"5\tx\"\n"))
	new(call).run(t, exitDone, "-d", url, "-table", "t", "-quote", "'", "-escape", `\`, write(t, "q.csv", "name,note\nb,'it\\'s'\n"))
	new(call).run(t, exitDone, "-d", url, "-table", "t", "-quote", "none", write(t, "n.csv", "name,note\nc,\"\n"))
	if got := ask(showNotes); got != "a=5\tx | b=it's | c=\"" {
		t.Errorf("%q", got)
	}
}

func TestMapAndSkip(t *testing.T) {
	t.Parallel()
	url, ask := database(t)
	execute(t, url, "CREATE TABLE t (name text, note text)")
	args := []string{"-d", url, "-table", "t", "-map", "Name=name,text=note", "-skip", "x"}
	new(call).run(t, exitDone, append(args, write(t, "a.csv", "x,Name,text\n1,a,b\n"), write(t, "a.ndjson", `{"x":1,"Name":"c","text":"d"}`+"\n"))...)
	if got := ask(showNotes); got != "a=b | c=d" {
		t.Error(got)
	}
	path := parquetFile(t, 5)
	new(call).run(t, exitDone, "-d", url, "-table", "p", "-create", "-map", "at=time", "-skip", "value,name", path).says(t, `"time" timestamptz`)
	if got := ask("SELECT count(time)::text FROM p"); got != "5" {
		t.Error(got)
	}
	// A name that is none is refused in the words of the command line.
	for _, text := range []string{"Nome,note\n", "name,note,x\n"} {
		c := new(call).run(t, exitFailed, "-d", url, "-table", "t", write(t, "b.csv", text))
		c.says(t, "the table has name, note", "-map", "-skip")
		if strings.Contains(c.stderr, "LoadOptions") {
			t.Error(c.stderr)
		}
	}
	new(call).run(t, exitFailed, "-d", url, "-table", "p", "-skip", "no", path).says(t, `no field "no" to skip`)
}

func TestUnendedFileIsReported(t *testing.T) {
	t.Parallel()
	url, ask := database(t)
	execute(t, url, "CREATE TABLE n (id int, name text)")
	args := []string{"-d", url, "-table", "n", "-format", "csv"}
	const text = "id,name\n1,one\n2,tw"
	(&call{stdin: strings.NewReader(text)}).run(t, exitFailed, append(args, "-strict")...).says(t, "stdin:3: the last line has no line end", "nothing was written")
	(&call{stdin: strings.NewReader(text)}).run(t, exitDone, args...).says(t, "stdin: the last line has no line end", "-strict")
	c := (&call{stdin: strings.NewReader(text + "\n")}).run(t, exitDone, args...)
	if strings.Contains(c.stderr, "line end") || ask("SELECT count(*)::text FROM n") != "4" {
		t.Error(c.stderr)
	}
}
