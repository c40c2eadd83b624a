package layering

import (
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// TestDocs checks the documentation of every package.
func TestDocs(t *testing.T) {
	files, err := sourceFiles("../..")
	if err != nil {
		t.Fatal(err)
	}
	byFolder := make(map[string][]sourceFile)
	for _, file := range files {
		byFolder[file.folder()] = append(byFolder[file.folder()], file)
	}
	for _, folder := range slices.Sorted(maps.Keys(byFolder)) {
		if complaint := undocumented(folder, byFolder[folder]); complaint != "" {
			t.Errorf("%s: %s", folder, complaint)
		}
	}
}

// undocumented describes what is missing. Every package has a package comment.
// A package that can be imported has it in doc.go, except the small packages of
// the examples, which are one file each. A public package has an example.
func undocumented(folder string, files []sourceFile) string {
	has := func(is func(sourceFile) bool) bool { return slices.ContainsFunc(files, is) }
	example := strings.HasPrefix(folder, "examples/")
	public := !example && !strings.HasPrefix(folder, "integration/") && !slices.Contains(strings.Split(folder, "/"), "internal")
	switch {
	case !has(func(f sourceFile) bool { return !f.generated }):
		return ""
	case !has(func(f sourceFile) bool { return f.doc }):
		return "no file has a package comment"
	case !example && has(isLibrary) && !has(func(f sourceFile) bool { return f.doc && path.Base(f.path) == "doc.go" }):
		return "the package comment belongs into doc.go"
	case public && has(isLibrary) && !has(func(f sourceFile) bool { return f.examples > 0 }):
		return "no test file has an Example"
	}
	return ""
}

func isLibrary(f sourceFile) bool { return !f.test && f.name != "main" }

// TestUndocumented tests the rules.
func TestUndocumented(t *testing.T) {
	file := func(path string, change func(*sourceFile)) sourceFile {
		f := sourceFile{path: path, name: "p", test: strings.HasSuffix(path, "_test.go")}
		if change != nil {
			change(&f)
		}
		return f
	}
	doc := func(f *sourceFile) { f.doc = true }
	command := func(f *sourceFile) { f.doc, f.name = true, "main" }
	for _, test := range []struct {
		files []sourceFile
		want  string // a part of the complaint, or ""
	}{
		{[]sourceFile{file("db/doc.go", doc), file("db/a_test.go", func(f *sourceFile) { f.examples = 1 })}, ""},
		{[]sourceFile{file("db/doc.go", doc), file("db/a_test.go", nil)}, "no test file has an Example"},
		{[]sourceFile{file("db/diagnose/doc.go", doc)}, "no test file has an Example"},
		{[]sourceFile{file("batchinsert/pgload/main.go", command)}, ""},
		{[]sourceFile{file("db/db.go", doc)}, "belongs into doc.go"},
		{[]sourceFile{file("db/db.go", nil)}, "no file has a package comment"},
		{[]sourceFile{file("internal/keyset/doc.go", doc)}, ""},
		{[]sourceFile{file("internal/keyset/keyset.go", doc)}, "belongs into doc.go"},
		{[]sourceFile{file("integration/pgtest/doc.go", doc)}, ""},
		{[]sourceFile{file("integration/db/main_test.go", doc)}, ""},
		{[]sourceFile{file("integration/db/main_test.go", nil)}, "no file has a package comment"},
		{[]sourceFile{file("integration/cmd/withpostgres/main.go", command)}, ""},
		{[]sourceFile{file("examples/shared/sandbox/sandbox.go", doc)}, ""},
		{[]sourceFile{file("examples/shared/sandbox/sandbox.go", nil)}, "no file has a package comment"},
		{[]sourceFile{file("integration/x/x.go", func(f *sourceFile) { f.generated = true })}, ""},
	} {
		got := undocumented(test.files[0].folder(), test.files)
		if test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%s: complaint %q, want %q", test.files[0].path, got, test.want)
		}
	}
}
