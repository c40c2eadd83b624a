package main

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	root     = "github.com/headrace/headrace"
	version  = "v0.1.0"
	ofBranch = "v0.0.9" // a tag on an unprepared commit
)

func TestMain(m *testing.M) {
	// git finds the repository by its folder, and ignores the user's settings.
	for _, name := range []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"} {
		_ = os.Unsetenv(name)
	}
	_ = os.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	_ = os.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	os.Exit(m.Run())
}

// A release of the current tree, tagged with the printed commands, is usable by
// programs outside the repository.
func TestRelease(t *testing.T) {
	repo := currentTree(t)
	r, err := prepare(t.Context(), repo, version)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{version, "batchinsert/parquetsource/" + version, "batchinsert/pgload/" + version, "db/dbotel/" + version, "db/dbprom/" + version, "integration/" + version, "querycache/rediscache/" + version}
	if got := slices.Sorted(slices.Values(r.tags)); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Fatalf("tags %q, want %q", r.tags, want)
	}
	for line := range strings.Lines(r.commands()) {
		if args := strings.Fields(line); args[1] == "tag" {
			run(t, repo, args[1:]...)
		}
	}
	// A tag on the branch itself is not usable.
	branch := []string{"batchinsert/parquetsource/" + ofBranch, "batchinsert/pgload/" + ofBranch}
	for _, tag := range branch {
		run(t, repo, "tag", tag, "main")
	}
	u := newUser(t, repo, modulesOf(slices.Concat(r.tags, branch)))
	t.Run("work_tree_is_unchanged", func(t *testing.T) {
		if status := run(t, repo, "status", "--porcelain", "--branch"); status != "## main" {
			t.Error(status)
		}
	})
	t.Run("every_package_is_imported", func(t *testing.T) { u.importsAll(t, modulesOf(r.tags[1:])) })
	t.Run("pgload_is_installed", func(t *testing.T) {
		u.succeeds(t, t.TempDir(), "install", root+"/batchinsert/pgload@"+version)
		help, err := exec.CommandContext(t.Context(), filepath.Join(u.bin, "pgload"), "-h").Output()
		if err != nil || !strings.HasPrefix(string(help), "usage: pgload") {
			t.Errorf("pgload -h: %v\n%s", err, help)
		}
	})
	t.Run("go_sum_has_the_other_modules", func(t *testing.T) {
		tree := filepath.Join(t.TempDir(), "tree")
		run(t, repo, "clone", "--quiet", "--branch", version, repo, tree)
		for _, tag := range r.tags {
			u.succeeds(t, filepath.Join(tree, path.Dir(tag)), "list", "-deps", "./...")
		}
	})
	t.Run("branch_is_of_no_use", func(t *testing.T) {
		dir := t.TempDir()
		u := &user{env: append(u.env, "GOPROXY="+u.files)} // no other proxy is asked for v0.0.0
		u.succeeds(t, dir, "mod", "init", "example.com/consumer")
		u.fails(t, dir, root+"@"+developed, "get", root+"/batchinsert/parquetsource@"+ofBranch)
		u.fails(t, dir, "replace directives", "install", root+"/batchinsert/pgload@"+ofBranch)
	})
}

// importsAll builds a package that imports all packages of the modules. The
// root module is required only through them.
func (u *user) importsAll(t *testing.T, modules []string) {
	dir := t.TempDir()
	u.succeeds(t, dir, "mod", "init", "example.com/consumer")
	u.succeeds(t, dir, append([]string{"get"}, modules...)...)
	packages := u.succeeds(t, dir, "list", "-find", "-f", `{{if and .GoFiles (ne .Name "main")}}{{.ImportPath}}{{end}}`, root+"/...")
	var source strings.Builder
	source.WriteString("package consumer\n\n")
	for p := range strings.FieldsSeq(packages) {
		if !slices.Contains(strings.Split(p, "/"), "internal") {
			source.WriteString("import _ \"" + p + "\"\n")
		}
	}
	for _, p := range []string{"db", "querycache", "batchinsert", "migrations", "batchinsert/parquetsource", "db/dbotel", "db/dbprom", "integration/pgtest", "querycache/rediscache"} {
		if !strings.Contains(source.String(), `"`+root+"/"+p+`"`) {
			t.Errorf("%s is not among the packages:\n%s", p, packages)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "consumer.go"), []byte(source.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	u.succeeds(t, dir, "mod", "tidy")
	u.succeeds(t, dir, "list", "-deps", ".")
	// Without modules whose requirements take minutes to build.
	u.succeeds(t, dir, "build", root+"/db", root+"/querycache", root+"/batchinsert", root+"/migrations")
	for line := range strings.Lines(u.succeeds(t, dir, "list", "-m", "all")) {
		if strings.HasPrefix(line, root) && !strings.HasSuffix(line, " "+version+"\n") {
			t.Errorf("the build has %s", line)
		}
	}
}

// currentTree creates a repository with one commit of the files of this tree,
// with uncommitted changes and without ignored files.
func currentTree(t *testing.T) string {
	t.Helper()
	tree, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	repo := t.TempDir()
	run(t, repo, "init", "--quiet", "--initial-branch", "main")
	run(t, repo, "config", "user.name", "a maintainer")
	run(t, repo, "config", "user.email", "maintainer@example.com")
	run(t, tree, "--git-dir", filepath.Join(repo, ".git"), "--work-tree", tree, "add", "--all")
	run(t, repo, "commit", "--quiet", "--message", "the tree")
	run(t, repo, "reset", "--quiet", "--hard")
	return repo
}

// modulesOf returns the modules of tags, as path@version.
func modulesOf(tags []string) []string {
	var modules []string
	for _, tag := range tags {
		modules = append(modules, path.Join(root, path.Dir(tag))+"@"+path.Base(tag))
	}
	return modules
}

// A user runs the go command outside the repository and its workspace.
type user struct {
	env   []string
	bin   string // the folder of go install
	files string // the file proxies in env
}

// newUser returns a user with a new module cache. It gets modules from a file
// proxy with the released modules, then from the module cache of this machine,
// then from the proxies of this machine.
func newUser(t *testing.T, repo string, modules []string) *user {
	t.Helper()
	u := &user{bin: t.TempDir()}
	u.env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-modcacherw", "GOSUMDB=off", "GOPRIVATE=", "GONOPROXY=none", "GOBIN="+u.bin)
	here := goEnv(t, "GOMODCACHE")
	u.files = fileProxy(t, u.env, repo, modules) + ",file://" + filepath.ToSlash(filepath.Join(here, "cache", "download"))
	u.env = append(u.env, "GOMODCACHE="+t.TempDir(), "GOPROXY="+u.files+","+goEnv(t, "GOPROXY"))
	return u
}

// fileProxy returns the URL of a file proxy for modules that the go command
// downloads from the repository by its tags, as module proxies do.
func fileProxy(t *testing.T, env []string, repo string, modules []string) string {
	t.Helper()
	cache := t.TempDir()
	direct := &user{env: append(slices.Clone(env), "GOMODCACHE="+cache, "GOPROXY=direct", "GONOPROXY=", "GOVCS=*:git",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url.file://"+filepath.ToSlash(repo)+".insteadOf", "GIT_CONFIG_VALUE_0=https://"+root)}
	direct.succeeds(t, t.TempDir(), append([]string{"mod", "download"}, modules...)...)
	return "file://" + filepath.ToSlash(filepath.Join(cache, "cache", "download"))
}

func (u *user) succeeds(t *testing.T, dir string, args ...string) string {
	t.Helper()
	stdout, stderr, err := u.run(t, dir, args)
	if err != nil {
		t.Fatalf("go %s: %v\n%s%s", strings.Join(args, " "), err, stdout, stderr)
	}
	return stdout
}

func (u *user) fails(t *testing.T, dir, want string, args ...string) {
	t.Helper()
	stdout, stderr, err := u.run(t, dir, args)
	if err == nil || !strings.Contains(strings.Join(strings.Fields(stderr), " "), want) {
		t.Errorf("go %s: error %v, want one with %q\n%s%s", strings.Join(args, " "), err, want, stdout, stderr)
	}
}

func (u *user) run(t *testing.T, dir string, args []string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs strings.Builder
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, u.env, &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// run runs git.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := git(t.Context(), dir, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
