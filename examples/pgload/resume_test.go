package main

import "testing"

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
