package mutants

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// Each edit matches one place, calls Broken with its own rule, and leaves a
// file that parses.
func TestMutantsFit(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("there are no mutants")
	}
	for _, m := range all {
		for _, e := range m.edits {
			if !strings.Contains(e.after, "mutants.Broken(\""+m.Name+"\")") || strings.Count(e.after, "mutants.Broken(") != strings.Count(e.after, "\""+m.Name+"\")") {
				t.Errorf("%s: an edit of %s does not ask for its own rule:\n%s", m.Name, e.file, e.after)
			}
		}
	}
	texts, err := Mutated("../../..")
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range texts {
		if _, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution); err != nil {
			t.Error(err)
		}
	}
}

func TestEdits(t *testing.T) {
	const text = "package p\n\nfunc f() {\n\ta()\n\tb()\n\tb()\n}\n"
	for name, tt := range map[string]struct {
		mutants []string
		want    string // or a part of the error
		fails   bool
	}{
		"insert":        {[]string{" \ta()\n+\tx()\n"}, "a()\n\tx()\n\tb()", false},
		"insert before": {[]string{"+\tx()\n \ta()\n"}, "{\n\tx()\n\ta()", false},
		"replace":       {[]string{"-\ta()\n+\tx()\n"}, "{\n\tx()\n\tb()", false},
		"delete":        {[]string{"-\ta()\n \tb()\n"}, "{\n\tb()\n\tb()\n}", false},
		"two":           {[]string{"-\ta()\n+\tx()\n", "+\ty()\n }\n"}, "{\n\tx()\n\tb()\n\tb()\n\ty()\n}", false},
		"no place":      {[]string{"-\tc()\n+\tx()\n"}, "fits in 0 places", true},
		"two places":    {[]string{"-\tb()\n+\tx()\n"}, "fits in 2 places", true},
		"overlap":       {[]string{"-\ta()\n-\tb()\n+\tx()\n", "-\ta()\n+\ty()\n"}, "overlap", true},
		"one place":     {[]string{" \ta()\n+\tx()\n", "+\ty()\n \tb()\n \tb()\n"}, "overlap", true},
	} {
		var changes []change
		var err error
		for _, edits := range tt.mutants {
			m, parseErr := parse("m", "A rule.\n\n== p.go\n"+edits)
			if parseErr != nil {
				t.Fatal(parseErr)
			}
			c, placeErr := m.edits[0].place("m", text)
			if placeErr != nil {
				err = placeErr
			}
			changes = append(changes, c)
		}
		got := ""
		if err == nil {
			got, err = apply(text, changes)
		}
		if err != nil {
			got = err.Error()
		}
		if (err != nil) != tt.fails || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s, want %q", name, got, tt.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "A rule.\n", "A rule.\n\nno file\n", "A rule.\n\n== f.go\nno mark\n", "A rule.\n\n== f.go\n same\n"} {
		if m, err := parse("m", text); err == nil {
			t.Errorf("%q became %+v", text, m)
		}
	}
}
