package layering

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestExportsNameNoInternalType checks that no exported signature, field or
// interface of a public package mentions a type of an internal package.
func TestExportsNameNoInternalType(t *testing.T) {
	const root = "../.."
	files, err := sourceFiles(root)
	if err != nil {
		t.Fatal(err)
	}
	public := 0
	for _, f := range files {
		if f.test || f.name == "main" || !isPublic(f.folder()) {
			continue
		}
		public++
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, f.path), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, mention := range internalMentions(parsed) {
			t.Errorf("%s: %s", f.path, mention)
		}
	}
	if public == 0 {
		t.Error("no public package was found")
	}
}

func isPublic(folder string) bool {
	parts := strings.Split(folder, "/")
	return !slices.Contains(parts, "internal") && parts[0] != "examples" && !slices.Contains(parts, "cmd") &&
		(parts[0] != "integration" || folder == "integration/pgserver" || folder == "integration/pgtest")
}

// internalMentions returns each exported declaration that mentions an internal
// type, with the type.
func internalMentions(file *ast.File) (found []string) {
	internal := make(map[string]bool) // names under which internal packages are imported
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		if !slices.Contains(strings.Split(imported, "/"), "internal") {
			continue
		}
		name := path.Base(imported)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		internal[name] = true
	}
	look := func(what string, node ast.Node) {
		ast.Inspect(node, func(n ast.Node) bool {
			if selected, ok := n.(*ast.SelectorExpr); ok {
				if from, ok := selected.X.(*ast.Ident); ok && internal[from.Name] {
					found = append(found, what+" mentions "+from.Name+"."+selected.Sel.Name)
				}
			}
			return true
		})
	}
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Name.IsExported() && (decl.Recv == nil || ast.IsExported(receiverName(decl.Recv.List[0].Type))) {
				look(decl.Name.Name, decl.Type)
			}
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				lookAtSpec(spec, look)
			}
		}
	}
	return found
}

func lookAtSpec(spec ast.Spec, look func(what string, node ast.Node)) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if !spec.Name.IsExported() {
			return
		}
		if spec.TypeParams != nil {
			look(spec.Name.Name, spec.TypeParams)
		}
		fields := fieldsOf(spec.Type)
		if fields == nil {
			look(spec.Name.Name, spec.Type)
			return
		}
		for _, field := range fields.List {
			if len(field.Names) == 0 || slices.ContainsFunc(field.Names, (*ast.Ident).IsExported) {
				look(spec.Name.Name, field.Type)
			}
		}
	case *ast.ValueSpec:
		if spec.Type != nil && slices.ContainsFunc(spec.Names, (*ast.Ident).IsExported) {
			look(spec.Names[0].Name, spec.Type)
		}
	}
}

// fieldsOf returns the fields or methods of a struct or an interface, nil for
// other types.
func fieldsOf(expr ast.Expr) *ast.FieldList {
	switch expr := expr.(type) {
	case *ast.StructType:
		return expr.Fields
	case *ast.InterfaceType:
		return expr.Methods
	}
	return nil
}

func receiverName(expr ast.Expr) string {
	switch expr := expr.(type) {
	case *ast.StarExpr:
		return receiverName(expr.X)
	case *ast.IndexExpr:
		return receiverName(expr.X)
	case *ast.IndexListExpr:
		return receiverName(expr.X)
	case *ast.Ident:
		return expr.Name
	}
	return ""
}

// TestInternalMentions tests the rule.
func TestInternalMentions(t *testing.T) {
	const imports = "package p\nimport (\n\"x/internal/a\"\nb \"x/internal/c\"\n\"x/d\"\n)\n"
	for source, want := range map[string]int{
		"func F(a.T) d.T":               1,
		"func F() []b.T":                1,
		"func f(a.T)":                   0,
		"func F[T a.T]()":               1,
		"func F() { var v a.T; _ = v }": 0,
		"type S struct{}\nfunc (*S) M(map[string]a.T)": 1,
		"type s struct{}\nfunc (*s) M(a.T)":            0,
		"type S[T any] struct{}\nfunc (S[T]) M(a.T)":   1,
		"type S struct { f a.T }":                      0,
		"type S struct { F a.T; G b.T }":               2,
		"type S struct { a.T }":                        1,
		"type S = a.T":                                 1,
		"type s = a.T\ntype S struct { s }":            0,
		"type I interface { m(a.T) }":                  0,
		"type I interface { M(a.T) }":                  1,
		"var V a.T":                                    1,
		"var v, w a.T":                                 0,
		"type F func(b.T) error":                       1,
		"func F(d.T)":                                  0,
	} {
		parsed, err := parser.ParseFile(token.NewFileSet(), "p.go", imports+source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if got := internalMentions(parsed); len(got) != want {
			t.Errorf("%s: %q, want %d", source, got, want)
		}
	}
}
