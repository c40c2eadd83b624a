package main

import (
	"flag"
	"net"
	"strings"
	"testing"
)

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args string
		want string
	}{
		{"x.csv", "-table is missing"},
		{"-install x.csv", "-table is missing"},
		{"-install -resume x", "-table is missing"},
		{"-table t -format xml", "csv, ndjson or parquet"},
		{"-table t -max-bad 5", "needs -quarantine"},
		{"-table t -quarantine -max-bad 0", "-max-bad 0"},
		{"-table t -quarantine -max-bad 101%", "no share"},
		{"-table t -truncate a b", "one file"},
		{"-table t -truncate -jobs 2", "one transaction"},
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

func TestInfer(t *testing.T) {
	t.Parallel()
	c := new(call).run(t, exitDone, "-table", "public.t", "-infer", write(t, "t.tsv", "id\tzip\n1\t007\n"))
	if want := "CREATE TABLE \"public\".\"t\" (\n    \"id\" integer NOT NULL,\n    \"zip\" text NOT NULL\n);\n"; c.stdout != want {
		t.Errorf("%s", c.stdout)
	}
	new(call).run(t, exitFailed, "-table", "t", "-infer", write(t, "t.csv", "a,b\n1\n")).says(t, "t.csv:2", "1 fields")
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

// A flag with an empty value, as of an unset variable of a shell, is not taken
// for one that is not given. An empty text may mean NULL.
func TestEmptyValuesAreRefused(t *testing.T) {
	t.Parallel()
	f := new(options).flags()
	f.VisitAll(func(f *flag.Flag) {
		if bit, isBool := f.Value.(interface{ IsBoolFlag() bool }); isBool && bit.IsBoolFlag() || f.Name == "null" {
			return
		}
		args := []string{"-" + f.Name, "", "-table", "t", "x.csv"}
		if f.Name == "table" {
			args = []string{"-table", "", "x.csv"}
		}
		new(call).run(t, exitUsage, args...).says(t, "-"+f.Name)
	})
	new(call).run(t, exitDone, "-null", "", "-table", "t", "-infer", write(t, "x.csv", "a\n1\n"))
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

func TestConnectErrorRepeatsNothing(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nothing := listener.Addr().String()
	listener.Close()
	c := new(call).run(t, exitFailed, "-d", "postgres://u@"+nothing+"/x", "-install")
	if strings.Count(c.stderr, "dial error") != 1 {
		t.Error(c.stderr)
	}
}
