package layering

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// sourceFile is what matters of a Go file here.
type sourceFile struct {
	path    string // from the repository's root, with slashes
	test    bool
	imports []string
}

func (f sourceFile) folder() string { return path.Dir(f.path) }

// sourceFiles reads every Go file below root, whatever its build tags say.
func sourceFiles(root string) ([]sourceFile, error) {
	var files []sourceFile
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		file, err := readImports(root, name)
		files = append(files, file)
		return err
	})
	return files, err
}

func readImports(root, name string) (sourceFile, error) {
	file := sourceFile{path: name, test: strings.HasSuffix(name, "_test.go")}
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil, parser.ImportsOnly)
	if err != nil {
		return file, err
	}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return file, err
		}
		file.imports = append(file.imports, imported)
	}
	return file, nil
}
