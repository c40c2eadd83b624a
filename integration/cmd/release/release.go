package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// A release is a commit and the tags that are meant for it.
type release struct {
	version string
	commit  string
	tags    []string // one for each published module; the root comes first, because all others require it
}

// commands returns the remaining commands, one per line. They set and push the
// tags, and merge the commit into the branch without its changes.
func (r *release) commands() string {
	var b strings.Builder
	for _, tag := range r.tags {
		fmt.Fprintf(&b, "git tag %s %s\n", tag, r.commit)
	}
	fmt.Fprintf(&b, "git push --atomic origin %s\n", strings.Join(r.tags, " "))
	fmt.Fprintf(&b, "git merge -s ours -m 'release %s' %s\n", r.version, r.commit)
	return b.String()
}

// prepare creates the commit of a release from HEAD of the repository at dir.
func prepare(ctx context.Context, dir, version string) (r *release, err error) {
	if !semver.IsValid(version) || semver.Canonical(version) != version || module.IsPseudoVersion(version) || version == developed {
		return nil, fmt.Errorf("version %q: want a semantic version, such as v1.2.3 or v1.2.3-rc.1", version)
	}
	changes, err := git(ctx, dir, "status", "--porcelain")
	if err != nil {
		return nil, err
	}
	if changes != "" {
		return nil, fmt.Errorf("the release is made from HEAD, which lacks these changes:\n%s", changes)
	}
	scratch, err := os.MkdirTemp("", "headrace-release-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()

	clone := filepath.Join(scratch, "clone")
	if err := cloneHead(ctx, dir, clone); err != nil {
		return nil, err
	}
	modules, err := readModules(clone)
	if err != nil {
		return nil, err
	}
	r = &release{version: version}
	for _, m := range modules {
		if m.published() {
			r.tags = append(r.tags, m.tag(version))
		}
	}
	existing, err := git(ctx, dir, append([]string{"tag", "--list"}, r.tags...)...)
	if err != nil {
		return nil, err
	}
	if existing != "" {
		return nil, fmt.Errorf("tags exist: %s", strings.Join(strings.Fields(existing), ", "))
	}
	if err := rewrite(ctx, clone, modules, version); err != nil {
		return nil, err
	}
	r.commit, err = commit(ctx, dir, clone, "release "+version)
	return r, err
}

// cloneHead checks out HEAD in a clone. Module zips must contain only files in
// git, and the packages that create them do not support linked work trees.
func cloneHead(ctx context.Context, dir, clone string) error {
	root, err := git(ctx, dir, "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	head, err := git(ctx, dir, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	if _, err := git(ctx, dir, "clone", "--quiet", "--shared", "--no-checkout", "--no-tags", root, clone); err != nil {
		return err
	}
	_, err = git(ctx, clone, "checkout", "--quiet", "--detach", head)
	return err
}

// commit creates a commit in the repository at dir with the files of the clone.
// Its parent is HEAD and its author the user.
func commit(ctx context.Context, dir, clone, message string) (string, error) {
	_, err := git(ctx, clone, "-c", "user.name=release", "-c", "user.email=release@localhost",
		"commit", "--quiet", "--no-verify", "--no-gpg-sign", "--allow-empty", "--all", "--message", message)
	if err != nil {
		return "", err
	}
	if _, err := git(ctx, dir, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", clone, "HEAD"); err != nil {
		return "", err
	}
	tree, err := git(ctx, clone, "rev-parse", "HEAD^{tree}")
	if err != nil {
		return "", err
	}
	return git(ctx, dir, "commit-tree", "-p", "HEAD", "-m", message, tree)
}

// git runs git and returns its output without the final line end.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...) // the version from the command line is validated
	cmd.Dir = dir
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, exit.Stderr)
	}
	return strings.TrimRight(string(out), "\n"), err
}
