package layering

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// retiredFileNames are words that say little about the content of a file.
var retiredFileNames = []string{
	"again", "cutshort", "doubt", "drops", "front", "given", "home", "keptscan", "kind", "learn", "pending", "planned", "pooled", "produce",
	"together", "wrote",
}

// retiredWords are words for which the project has better ones, in any part of
// an identifier. Two words in a row are joined: LostTo is "lostto".
var retiredWords = []string{
	"again", "alone", "anything", "apart", "besides", "blame", "cutshort", "gate", "inquire", "inquiry", "judge", "kept", "lostto",
	"maypass", "meaning", "near", "owed", "patience", "settle", "settled", "sieve", "sight", "startover", "tell", "together", "usual",
	"wrote",
}

// retiredNames are retired as a whole identifier, and fine as a verb in one:
// DropsPrepared, NeedsText.
var retiredNames = []string{"account", "drops", "needs"}

// TestRetiredWords checks the names of Go files, and the exported identifiers
// of the public and the internal packages.
func TestRetiredWords(t *testing.T) {
	const root = "../.."
	files, err := sourceFiles(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if word := retiredInFileName(f.path); word != "" {
			t.Errorf("%s: the name has the retired word %q", f.path, word)
		}
		if f.test || f.generated || !isPublic(f.folder()) && !strings.HasPrefix(f.folder(), "internal/") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, f.path), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range exportedNames(parsed) {
			if word := retiredInIdentifier(name); word != "" {
				t.Errorf("%s: %s has the retired word %q", f.path, name, word)
			}
		}
	}
}

// retiredInFileName returns a retired word in the name of a file, or "".
func retiredInFileName(file string) string {
	words := strings.Split(strings.TrimSuffix(path.Base(file), path.Ext(file)), "_")
	return firstRetired(words, retiredFileNames)
}

// retiredInIdentifier returns a retired word in an identifier, or "".
func retiredInIdentifier(name string) string {
	var words []string
	for i, r := range name {
		if i == 0 || unicode.IsUpper(r) {
			words = append(words, "")
		}
		words[len(words)-1] += string(unicode.ToLower(r))
	}
	for i := range len(words) - 1 {
		words = append(words, words[i]+words[i+1])
	}
	if lower := strings.ToLower(name); slices.Contains(retiredNames, lower) {
		return lower
	}
	return firstRetired(words, retiredWords)
}

func firstRetired(words, retired []string) string {
	for _, word := range words {
		if slices.Contains(retired, word) {
			return word
		}
	}
	return ""
}

// exportedNames returns the exported names that a file declares, fields and
// methods included.
func exportedNames(file *ast.File) (names []string) {
	add := func(ids ...*ast.Ident) {
		for _, id := range ids {
			if id.IsExported() {
				names = append(names, id.Name)
			}
		}
	}
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			add(decl.Name)
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				switch spec := spec.(type) {
				case *ast.ValueSpec:
					add(spec.Names...)
				case *ast.TypeSpec:
					add(spec.Name)
					if fields := fieldsOf(spec.Type); fields != nil {
						for _, field := range fields.List {
							add(field.Names...)
						}
					}
				}
			}
		}
	}
	return names
}

// TestRetiredWordsAreFound tests the rules.
func TestRetiredWordsAreFound(t *testing.T) {
	for file, want := range map[string]string{
		"db/again.go": "again", "db/again_test.go": "again", "db/tx_doubt_test.go": "doubt", "db/indoubt.go": "", "db/retry.go": "",
	} {
		if got := retiredInFileName(file); got != want {
			t.Errorf("%s: word %q, want %q", file, got, want)
		}
	}
	const source = `package p
type T struct { SettledAt, b int }
type t interface { TellAll() }
func (T) LostTo() {}
func runAgain() {}
const Retelling, MostKept = 1, 2
var Drops, DropsPrepared = 1, 2`
	parsed, err := parser.ParseFile(token.NewFileSet(), "p.go", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range exportedNames(parsed) {
		if word := retiredInIdentifier(name); word != "" {
			found = append(found, name+" "+word)
		}
	}
	want := []string{"SettledAt settled", "TellAll tell", "LostTo lostto", "MostKept kept", "Drops drops"}
	if !slices.Equal(found, want) {
		t.Errorf("found %q, want %q", found, want)
	}
}
