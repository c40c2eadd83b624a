package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tiny is a repository of three modules; two are published.
var tiny = map[string]string{
	"go.work":       "go 1.26.0\n\nuse (\n\t./tool\n\t.\n\t./examples\n)\n",
	"go.mod":        "module example.com/m\n\ngo 1.26.0\n",
	"tool/go.mod":   "module example.com/m/tool\n\ngo 1.26.0\n\nrequire example.com/m v0.0.0 // why\n\nreplace example.com/m => ../\n",
	"tool/go.sum":   "example.com/other v1.10.0/go.mod h1:b\nexample.com/a v1.9.0 h1:a\n",
	"examples/main": "package main\n",
	"examples/go.mod": "module example.com/m/examples\n\ngo 1.26.0\n\nrequire example.com/m/tool v0.0.0\n\nrequire example.com/m v0.0.0 // indirect\n\n" +
		"replace example.com/m => ..\n\nreplace example.com/m/tool => ../tool\n",
}

// commitFiles creates a repository with one commit of the files.
func commitFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	repo := t.TempDir()
	for name, text := range files {
		name = filepath.Join(repo, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, repo, "init", "--quiet", "--initial-branch", "main")
	run(t, repo, "config", "user.name", "a maintainer")
	run(t, repo, "config", "user.email", "maintainer@example.com")
	run(t, repo, "add", "--all")
	run(t, repo, "commit", "--quiet", "--message", "the tree")
	return repo
}

// The commit has the files of the release, also from a linked work tree.
func TestReleasedFiles(t *testing.T) {
	t.Parallel()
	linked := filepath.Join(t.TempDir(), "linked")
	run(t, commitFiles(t, tiny), "worktree", "add", "--quiet", "-b", "other", linked)
	r, err := prepare(t.Context(), linked, "v1.2.3-rc.1")
	if err != nil {
		t.Fatal(err)
	}
	show := func(name string) string { return run(t, linked, "show", r.commit+":"+name) }
	if got, want := show("tool/go.mod"), "module example.com/m/tool\n\ngo 1.26.0\n\nrequire example.com/m v1.2.3-rc.1 // why"; got != want {
		t.Errorf("tool/go.mod is\n%s\nwant\n%s", got, want)
	}
	want := strings.TrimSpace(strings.ReplaceAll(tiny["examples/go.mod"], developed, "v1.2.3-rc.1"))
	if got := show("examples/go.mod"); got != want {
		t.Errorf("examples/go.mod is\n%s\nwant\n%s", got, want)
	}
	sums := strings.Fields(show("tool/go.sum"))
	for i, want := range map[int]string{0: "example.com/a", 3: "example.com/m", 4: "v1.2.3-rc.1", 6: "example.com/m", 7: "v1.2.3-rc.1/go.mod", 9: "example.com/other"} {
		if len(sums) != 12 || sums[i] != want {
			t.Fatalf("tool/go.sum has %q, want %q as word %d of 12", sums, want, i)
		}
	}
	if got := run(t, linked, "log", "-1", "--format=%an %P %s", r.commit); got != "a maintainer "+run(t, linked, "rev-parse", "other")+" release v1.2.3-rc.1" {
		t.Errorf("the commit is by, on and called %q", got)
	}
	if got := strings.Join(r.tags, " "); got != "v1.2.3-rc.1 tool/v1.2.3-rc.1" {
		t.Errorf("tags %q", got)
	}
}

func TestPrepareErrors(t *testing.T) {
	t.Parallel()
	with := func(name, text string) map[string]string {
		files := maps.Clone(tiny)
		files[name] = text
		return files
	}
	for _, test := range []struct {
		name    string
		files   map[string]string
		version string
		before  func(t *testing.T, repo string)
		want    string
	}{
		{name: "no_version", version: "", want: "want a semantic version"},
		{name: "no_v", version: "1.2.3", want: "want a semantic version"},
		{name: "two_numbers", version: "v1.2", want: "want a semantic version"},
		{name: "build_metadata", version: "v1.2.3+x", want: "want a semantic version"},
		{name: "version_of_branches", version: "v0.0.0", want: "want a semantic version"},
		{name: "pseudo_version", version: "v0.0.0-20260102030405-0123456789ab", want: "want a semantic version"},
		{name: "major_version_of_other_path", version: "v2.0.0", want: "should be v0 or v1, not v2"},
		{name: "changes", version: "v1.2.3", before: func(t *testing.T, repo string) {
			if err := os.WriteFile(filepath.Join(repo, "new.go"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, want: "?? new.go"},
		{name: "tag_exists", version: "v1.2.3", before: func(t *testing.T, repo string) { run(t, repo, "tag", "tool/v1.2.3") }, want: "tags exist: tool/v1.2.3"},
		{name: "replace_of_other_module", version: "v1.2.3", files: with("tool/go.mod", tiny["tool/go.mod"]+"\nreplace example.com/x => ../x\n"), want: "tool/go.mod: go install rejects modules with replace"},
		{name: "exclude", version: "v1.2.3", files: with("go.mod", tiny["go.mod"]+"\nexclude example.com/x v1.0.0\n"), want: "exclude directives"},
		{name: "unpublished_module_is_required", files: map[string]string{
			"go.work":         "use (\n\t.\n\t./examples\n)\n",
			"go.mod":          "module example.com/m\n\nrequire example.com/m/examples v0.0.0\n",
			"examples/go.mod": "module example.com/m/examples\n",
		}, version: "v1.2.3", want: "requires example.com/m/examples, which is not published"},
		{name: "cycle", files: with("go.mod", "module example.com/m\n\nrequire example.com/m/tool v0.0.0\n"), version: "v1.2.3", want: "in a cycle"},
		{name: "module_outside_the_workspace", version: "v1.2.3", files: with("tool/go.mod", "module example.com/m/tool\n\nrequire example.com/m/lost v0.0.0\n"), want: "requires example.com/m/lost@v0.0.0, which is not in go.work"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			files := test.files
			if files == nil {
				files = tiny
			}
			repo := commitFiles(t, files)
			if test.before != nil {
				test.before(t, repo)
			}
			r, err := prepare(t.Context(), repo, test.version)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%+v, error %v; want one with %q", r, err, test.want)
			}
		})
	}
}
