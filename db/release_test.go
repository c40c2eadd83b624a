package db

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"strings"
	"testing"
)

// Connections go back to their pool by release alone.
func TestReleaseIsTheOnlyWayBack(t *testing.T) {
	notTest := func(info fs.FileInfo) bool { return !strings.HasSuffix(info.Name(), "_test.go") }
	packages, err := parser.ParseDir(token.NewFileSet(), ".", notTest, parser.SkipObjectResolution) //nolint:staticcheck // one package, no build tags
	if err != nil {
		t.Fatal(err)
	}
	calls := make(map[string]int)
	for name, file := range packages["db"].Files {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if ok && method.Sel.Name == "Release" {
				if of, isName := method.X.(*ast.Ident); !isName || of.Name != "read" { // a cacheapi.Read
					calls[name]++
				}
			}
			return true
		})
	}
	if len(calls) != 1 || calls["acquire.go"] != 1 {
		t.Errorf("Release is called in %v, want once in acquire.go", calls)
	}
}
