package layering

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// A sourceFile holds the properties of a Go file that the rules use.
type sourceFile struct {
	path      string // from the repository's root, with slashes
	name      string // of its package
	test      bool
	generated bool
	doc       bool // has the package's comment
	examples  int
	imports   []string
}

func (f sourceFile) folder() string { return path.Dir(f.path) }

// sourceFiles reads every Go file below root, whatever its build tags.
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
		file, err := readSource(root, name)
		files = append(files, file)
		return err
	})
	return files, err
}

func readSource(root, name string) (sourceFile, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return sourceFile{path: name}, err
	}
	file := sourceFile{
		path:      name,
		name:      parsed.Name.Name,
		test:      strings.HasSuffix(name, "_test.go"),
		generated: ast.IsGenerated(parsed),
		doc:       parsed.Doc != nil,
	}
	for _, decl := range parsed.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && file.test && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Example") {
			file.examples++
		}
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
