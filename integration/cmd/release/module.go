package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// unpublished are the folders of modules without versions: programs for users
// of the repository. They keep their replace directives.
var unpublished = []string{"examples", "integration/benchmarks"}

// developed is the version at which the modules require each other between
// releases.
const developed = "v0.0.0"

// A mod is a module of the repository.
type mod struct {
	dir  string // from the root of the repository, with slashes; "." is the root
	file *modfile.File
}

func (m *mod) path() string    { return m.file.Module.Mod.Path }
func (m *mod) published() bool { return !slices.Contains(unpublished, m.dir) }

// tag returns the tag of a version. The tags of a module in a folder begin with
// the folder.
func (m *mod) tag(version string) string { return path.Join(m.dir, version) }

// readModules returns the modules of go.work, each after those that it
// requires.
func readModules(root string) ([]*mod, error) {
	data, err := os.ReadFile(filepath.Join(root, "go.work"))
	if err != nil {
		return nil, err
	}
	work, err := modfile.ParseWork("go.work", data, nil)
	if err != nil {
		return nil, err
	}
	var modules []*mod
	for _, use := range work.Use {
		name := filepath.Join(root, use.Path, "go.mod")
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		file, err := modfile.Parse(path.Join(use.Path, "go.mod"), data, nil)
		if err != nil {
			return nil, err
		}
		modules = append(modules, &mod{dir: path.Clean(use.Path), file: file})
	}
	return inOrder(modules)
}

// inOrder sorts each module after those that it requires.
func inOrder(modules []*mod) ([]*mod, error) {
	var ordered []*mod
	for len(ordered) < len(modules) {
		before := len(ordered)
		for _, m := range modules {
			if !slices.Contains(ordered, m) && !slices.ContainsFunc(modules, func(other *mod) bool {
				return m.requires(other.path()) && !slices.Contains(ordered, other)
			}) {
				ordered = append(ordered, m)
			}
		}
		if len(ordered) == before {
			return nil, errors.New("modules of go.work require each other in a cycle")
		}
	}
	return ordered, nil
}

func (m *mod) requires(path string) bool {
	return slices.ContainsFunc(m.file.Require, func(r *modfile.Require) bool { return r.Mod.Path == path })
}

// rewrite writes the go.mod and go.sum files of the release. The modules must
// be in order.
func rewrite(ctx context.Context, root string, modules []*mod, version string) error {
	var sums []sum
	for _, m := range modules {
		if err := m.setVersions(modules, version); err != nil {
			return fmt.Errorf("%s: %w", path.Join(m.dir, "go.mod"), err)
		}
		data, err := m.file.Format()
		if err != nil {
			return err
		}
		dir := filepath.Join(root, m.dir)
		if err := os.WriteFile(filepath.Join(dir, "go.mod"), data, 0o666); err != nil {
			return err
		}
		if !m.published() {
			continue
		}
		required := slices.DeleteFunc(slices.Clone(sums), func(s sum) bool { return !m.requires(s.of.Path) })
		if err := addSums(filepath.Join(dir, "go.sum"), required); err != nil {
			return err
		}
		own, err := sumsOf(ctx, root, m, version)
		if err != nil {
			return err
		}
		sums = append(sums, own...)
	}
	return nil
}

// setVersions sets the versions of the required modules. It also removes the
// replace directives of a published module, which apply only to its own builds.
// It returns an error if users could not require the module.
func (m *mod) setVersions(modules []*mod, version string) error {
	for _, other := range modules {
		if !m.requires(other.path()) {
			continue
		}
		if m.published() && !other.published() {
			return fmt.Errorf("requires %s, which is not published", other.path())
		}
		if err := m.file.AddRequire(other.path(), version); err != nil {
			return err
		}
	}
	if !m.published() {
		return nil
	}
	if err := module.Check(m.path(), version); err != nil {
		return err
	}
	for _, replace := range slices.Clone(m.file.Replace) {
		if slices.ContainsFunc(modules, func(other *mod) bool { return other.path() == replace.Old.Path }) {
			if err := m.file.DropReplace(replace.Old.Path, replace.Old.Version); err != nil {
				return err
			}
		}
	}
	m.file.Cleanup()
	for _, require := range m.file.Require {
		if require.Mod.Version == developed {
			return fmt.Errorf("requires %s, which is not in go.work", require.Mod)
		}
	}
	if len(m.file.Replace) > 0 || len(m.file.Exclude) > 0 {
		return errors.New("go install rejects modules with replace or exclude directives")
	}
	return nil
}
