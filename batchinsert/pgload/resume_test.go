//go:build server

package main

import (
	"context"
	"os"
	"strings"
	"testing"
)

// A file goes in once under an ID, however many others are named beside it.
func TestResumeDoesNotDependOnOtherFiles(t *testing.T) {
	t.Parallel()
	url, ask := database(t)
	execute(t, url, "CREATE TABLE n (id int, name text)")
	one, two := write(t, "one.csv", numbers(10, nil)), write(t, "two.csv", numbers(20, nil))
	args := []string{"-install", "-d", url, "-table", "n", "-resume", "x"}
	new(call).run(t, exitDone, append(args, one, two)...)
	new(call).run(t, exitDone, append(args, one)...).says(t, "10 were in it already")
	new(call).run(t, exitDone, append(args, two)...).says(t, "20 were in it already")
	args[len(args)-1] = "y"
	new(call).run(t, exitDone, append(args, two)...)
	new(call).run(t, exitDone, append(args, one, two)...).says(t, "20 were in it already")
	if got := ask("SELECT count(*)::text FROM n"); got != "60" {
		t.Error(got)
	}
}

// What a failed load says is in the table is what is there, whoever loaded it,
// and the same command goes on once the line is repaired.
func TestResumeAfterRepair(t *testing.T) {
	t.Parallel()
	url, ask := database(t)
	execute(t, url, "CREATE TABLE n (id int, name text)")
	path := write(t, "n.csv", numbers(600_000, map[int]string{550_000: "x,bad"}))
	args := []string{"-install", "-d", url, "-table", "n", "-resume", "x", path}
	rows := ""
	for range 2 {
		c := new(call).run(t, exitFailed, args...)
		rows = ask("SELECT count(*)::text FROM n")
		c.says(t, "n.csv:550001", "n.csv: "+rows+" rows in ", "are in the table, and stay", "when lines were repaired", "-forget x")
	}
	if rows == "0" {
		t.Fatal("nothing is in the table")
	}
	// Repaired where rows are in the table: it says so, and there is a way.
	rewrite(t, path, numbers(600_000, map[int]string{1: "7777,a", 550_000: "1,a"}))
	new(call).run(t, exitFailed, args...).says(t, "are in the table, and the file has others there", "-forget makes the ID free")
	rewrite(t, path, numbers(600_000, nil))
	new(call).run(t, exitDone, args...).says(t, rows+" were in it already")
	if got := ask("SELECT concat_ws(' ', count(*), count(DISTINCT id)) FROM n"); got != "600000 600000" {
		t.Error(got)
	}
	rewrite(t, path, numbers(2, nil))
	new(call).run(t, exitFailed, args...).says(t, "has loaded another file", "600000 rows")
	new(call).run(t, exitDone, "-d", url, "-forget", "x").says(t, "Forgot x:n.csv: 600000 rows of it are in the table, and stay.")
	new(call).run(t, exitDone, args...)
	new(call).run(t, exitFailed, "-d", url, "-forget", "y").says(t, "no load is recorded under y")
	if got := ask("SELECT count(*)::text FROM n"); got != "600002" {
		t.Error(got)
	}
}

func TestCreateAndResume(t *testing.T) {
	t.Parallel()
	url, ask := database(t)
	text := numbers(600_000, nil)
	path := write(t, "n.csv", text)
	args := []string{"-d", url, "-install", "-table", "public.n", "-create", "-resume", "x"}
	ctx, cancel := context.WithCancel(t.Context())
	in := &dripping{text: strings.NewReader(text[:len(text)/10*9]), empty: cancel, stop: ctx.Done()}
	(&call{ctx: ctx, stdin: in}).run(t, exitInterrupted, append(args, "-")...)
	// Interrupted after the table was made, and before anything was loaded.
	execute(t, url, "CREATE TABLE IF NOT EXISTS n (id int, name text)")
	new(call).run(t, exitDone, append(args, path)...)
	new(call).run(t, exitDone, append(args, path)...).says(t, "600000 were in it already")
	if got := ask("SELECT count(*)::text FROM n"); got != "600000" {
		t.Error(got)
	}
	args[len(args)-1] = "y"
	new(call).run(t, exitFailed, append(args, path)...).says(t, "has rows that no load with -resume y has brought")
}

func TestFailureIsReportedPerFile(t *testing.T) {
	t.Parallel()
	url, _ := database(t)
	execute(t, url, "CREATE TABLE n (id int, name text)")
	good, bad, last := write(t, "good.csv", numbers(10, nil)), write(t, "bad.csv", numbers(10, map[int]string{5: "x,y"})), write(t, "last.csv", numbers(1, nil))
	for _, args := range [][]string{{"-jobs", "2"}, {"-install", "-resume", "x"}} {
		new(call).run(t, exitFailed, append(args, "-d", url, "-table", "n", good, bad, last)...).says(t,
			"good.csv: is in the table, and stays.", "bad.csv: nothing of it is in the table.", "last.csv: was not begun.")
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	url, ask := database(t)
	execute(t, url, "CREATE TABLE n (id int, name text)")
	text := numbers(600_000, nil)
	args := []string{"-d", url, "-table", "n", "-jobs", "2", "-verify", "-format", "csv"}
	new(call).run(t, exitFailed, append(args, write(t, "n.csv", text+"1,\xff\n"))...).says(t, "not valid UTF-8; -encoding names another encoding", "n.csv: nothing of it is in the table.")
	(&call{stdin: strings.NewReader(text + `1,"open`)}).run(t, exitFailed, args...).says(t, "stdin:600002: a quote is not closed")
	if got := ask("SELECT count(*)::text FROM n"); got != "0" {
		t.Error(got)
	}
}

func rewrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
