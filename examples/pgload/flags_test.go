package main

import (
	"flag"
	"strings"
	"testing"
)

// However the flags are ordered, the same is done.
func TestFlagsMayFollowFiles(t *testing.T) {
	t.Parallel()
	url, ask := database(t)
	execute(t, url, "CREATE TABLE n (id int, name text)")
	path := write(t, "n.csv", numbers(3, nil))
	for _, args := range [][]string{
		{"-d", url, "-table", "n", "-jobs", "2", path, "-dry-run"},
		{path, "-d", url, "-dry-run", "-table", "n"},
		{"-d", url, path, "-table", "n", path, "-dry-run", "--"},
	} {
		new(call).run(t, exitDone, args...).says(t, "nothing was written")
	}
	new(call).run(t, exitDone, "-d", url, "-table", "n", "--", path)
	// Behind -- everything is a file, which is looked for before anything is done.
	new(call).run(t, exitFailed, "-d", url, "-table", "n", "-jobs", "2", "--", path, "-dry-run").says(t, "open -dry-run: no such file", "Nothing was written")
	new(call).run(t, exitFailed, "-d", url, "-table", "n", "-jobs", "2", path, "missing.csv").says(t, "open missing.csv: no such file", "Nothing was written")
	new(call).run(t, exitUsage, "-d", url, "-table", "n", path, "-dryrun").says(t, "-dryrun")
	if got := ask("SELECT count(*)::text FROM n"); got != "3" {
		t.Error(got)
	}
}

// What is wrong is the last line, and the line before it says how to call it.
func TestUsageErrorComesLast(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"-tabel t", "-table t -jobs x", "", "-table t -encoding klingon", "-table t -quote ab", "-table t -map a"} {
		c := new(call).run(t, exitUsage, strings.Fields(args)...)
		lines := strings.Split(strings.TrimSpace(c.stderr), "\n")
		if len(lines) > 2 || !strings.HasPrefix(lines[len(lines)-1], "pgload: ") {
			t.Errorf("%q: %s", args, c.stderr)
		}
	}
	c := new(call).run(t, exitDone, "-h")
	if n := strings.Count(c.stdout, "\n"); n < 24 || n > 40 || c.stderr != "" {
		t.Errorf("%d lines of help, and %q", n, c.stderr)
	}
	for line := range strings.Lines(c.stdout) {
		if len(line) > 103 {
			t.Errorf("%q is too long", line)
		}
	}
}

// Every flag is in the help.
func TestHelpNamesEveryFlag(t *testing.T) {
	t.Parallel()
	new(options).flags().VisitAll(func(f *flag.Flag) {
		if !strings.Contains(help, "\n  -"+f.Name+" ") {
			t.Errorf("-h does not name -%s", f.Name)
		}
	})
}
