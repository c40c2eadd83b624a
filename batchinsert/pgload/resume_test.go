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
	new(call).run(t, exitFailed, args...).says(t, "are in the table, and the file has others there", "-forget makes the ID free", "n.csv: this call wrote nothing of it.")
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

// Of a load that the ID is not of, it says neither that its rows are those of this
// file nor that it goes on.
func TestResumeOfAnotherLoad(t *testing.T) {
	t.Parallel()
	url, ask := database(t)
	execute(t, url, "CREATE TABLE n (id int, name text)")
	execute(t, url, "CREATE TABLE other (id int, name text)")
	path, same := write(t, "n.csv", numbers(10, nil)), write(t, "n.csv", numbers(20, nil))
	args := []string{"-d", url, "-resume", "x", "-table"}
	new(call).run(t, exitDone, append(args, "n", "-install", path)...)
	for _, c := range []struct {
		call []string
		want string
	}{
		{[]string{"other", path}, `writes to "n", not to "other": another ID is needed`},
		{[]string{"n", same}, "has loaded another file"},
	} {
		got := new(call).run(t, exitFailed, append(args, c.call...)...)
		got.says(t, c.want, "n.csv: this call wrote nothing of it.")
		if strings.Contains(got.stderr, "are in the table") || strings.Contains(got.stderr, "goes on") {
			t.Error(got.stderr)
		}
	}
	if got := ask("SELECT concat_ws(' ', (SELECT count(*) FROM n), (SELECT count(*) FROM other))"); got != "10 0" {
		t.Error(got)
	}
}

func TestInstallAlone(t *testing.T) {
	t.Parallel()
	url, ask := database(t)
	execute(t, url, "CREATE TABLE n (id int, name text)")
	path := write(t, "n.csv", numbers(10, nil))
	new(call).run(t, exitFailed, "-d", url, "-table", "n", "-resume", "x", path).says(t, "pgload -install makes them")
	for range 2 {
		new(call).run(t, exitDone, "-d", url, "-install").says(t, "Schema headrace has the tables")
	}
	new(call).run(t, exitDone, "-d", url, "-table", "n", "-resume", "x", path)
	if got := ask("SELECT count(*)::text FROM n"); got != "10" {
		t.Error(got)
	}
}

// The numbers reported are those of rows in the table: suppressed rows do not count.
func TestSuppressedRows(t *testing.T) {
	t.Parallel()
	url, _ := database(t)
	execute(t, url, "CREATE TABLE n (id int, name text)")
	execute(t, url, "CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF new.id % 2 = 0 THEN RETURN NULL; END IF; RETURN new; END'")
	execute(t, url, "CREATE TRIGGER odd BEFORE INSERT ON n FOR EACH ROW EXECUTE FUNCTION odd()")
	args := []string{"-install", "-d", url, "-table", "n", "-resume", "x", write(t, "n.csv", numbers(10, nil))}
	new(call).run(t, exitDone, args...).says(t, "n.csv: 5 rows into n in ", "; triggers suppressed 5")
	new(call).run(t, exitDone, args...).says(t, "n.csv: 0 rows into n in ", "; 5 were in it already")
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
