package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/zip"
)

// A sum is a line of go.sum. For a sum of only the go.mod file, the version
// ends in "/go.mod".
type sum struct {
	of   module.Version
	hash string
}

// sumsOf computes the sums of a module whose go.mod and go.sum are final.
func sumsOf(ctx context.Context, root string, m *mod, version string) ([]sum, error) {
	if _, err := git(ctx, root, "add", "--all"); err != nil {
		return nil, err
	}
	tree, err := git(ctx, root, "write-tree")
	if err != nil {
		return nil, err
	}
	archive, err := os.Create(filepath.Join(root, ".git", "module.zip"))
	if err != nil {
		return nil, err
	}
	subdir := strings.TrimPrefix(m.dir, ".")
	of := module.Version{Path: m.path(), Version: version}
	if err := errors.Join(zip.CreateFromVCS(archive, of, root, tree, subdir), archive.Close()); err != nil {
		return nil, err
	}
	all, err := dirhash.HashZip(archive.Name(), dirhash.Hash1)
	if err != nil {
		return nil, err
	}
	goMod, err := dirhash.Hash1([]string{"go.mod"}, func(name string) (io.ReadCloser, error) {
		return os.Open(filepath.Join(root, m.dir, name))
	})
	if err != nil {
		return nil, err
	}
	return []sum{{of, all}, {module.Version{Path: of.Path, Version: version + "/go.mod"}, goMod}}, nil
}

// addSums adds lines to a go.sum file, in the order of the go command.
func addSums(name string, sums []sum) error {
	data, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	hashes := make(map[module.Version]string)
	for _, s := range sums {
		hashes[s.of] = s.hash
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return fmt.Errorf("%s: line %q: want module, version and hash", name, line)
		}
		hashes[module.Version{Path: fields[0], Version: fields[1]}] = fields[2]
	}
	var order []module.Version
	for of := range hashes {
		order = append(order, of)
	}
	module.Sort(order)
	var b bytes.Buffer
	for _, of := range order {
		fmt.Fprintln(&b, of.Path, of.Version, hashes[of])
	}
	return os.WriteFile(name, b.Bytes(), 0o666)
}
