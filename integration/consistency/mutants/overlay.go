package mutants

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const imported = "github.com/headrace/headrace/integration/consistency/mutants"

// Mutated returns the source files that the mutants edit, with all edits, by
// their paths relative to root, the root of the repository.
func Mutated(root string) (map[string]string, error) {
	all, err := All()
	if err != nil {
		return nil, err
	}
	texts, changes := make(map[string]string), make(map[string][]change)
	for _, m := range all {
		for _, e := range m.edits {
			if texts[e.file] == "" {
				text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(e.file)))
				if err != nil {
					return nil, fmt.Errorf("%s: %w", m.Name, err)
				}
				texts[e.file] = string(text)
			}
			c, err := e.place(m.Name, texts[e.file])
			if err != nil {
				return nil, err
			}
			changes[e.file] = append(changes[e.file], c)
		}
	}
	for file, text := range texts {
		text, err := apply(text, changes[file])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		clause, rest, _ := strings.Cut(text, "\n") // these files begin with their package clause
		texts[file] = clause + "\n\nimport \"" + imported + "\"\n" + rest
	}
	return texts, nil
}

// Overlay writes the mutated files and an overlay file to dir, and returns the
// path of the overlay file. A build with -overlay and that path contains the
// mutants.
func Overlay(root, dir string) (path string, err error) {
	root, err = filepath.Abs(root)
	if err != nil {
		return "", err
	}
	texts, err := Mutated(root)
	if err != nil {
		return "", err
	}
	var overlay struct{ Replace map[string]string }
	overlay.Replace = make(map[string]string)
	for file, text := range texts {
		copied := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(copied, []byte(text), 0o600); err != nil {
			return "", err
		}
		overlay.Replace[filepath.Join(root, filepath.FromSlash(file))] = copied
	}
	list, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, list, 0o600)
}
