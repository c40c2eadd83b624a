//go:build server

package main

import "testing"

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
