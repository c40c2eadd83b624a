package mutants

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync/atomic"
)

//go:embed *.mutant
var files embed.FS

// A Mutant is a rule with the edits that break it.
type Mutant struct {
	Name  string
	Rule  string // as a sentence
	edits []edit
}

// An edit replaces lines of a file.
type edit struct {
	file   string // from the repository's root, with slashes
	before string // lines of the file
	after  string // their replacement
}

// All returns all mutants, ordered by name.
func All() ([]Mutant, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	var all []Mutant
	for _, entry := range entries {
		text, err := files.ReadFile(entry.Name())
		if err != nil {
			return nil, err
		}
		m, err := parse(strings.TrimSuffix(entry.Name(), path.Ext(entry.Name())), string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Name(), err)
		}
		all = append(all, m)
	}
	return all, nil
}

// parse reads a mutant: its rule, then for each file a line "== PATH" and
// edits, with a line "@@" between two of one file.
func parse(name, text string) (Mutant, error) {
	rule, body, ok := strings.Cut(text, "\n\n")
	if !ok || rule == "" || !strings.HasPrefix(body, "== ") {
		return Mutant{}, fmt.Errorf("want a rule, an empty line and edits")
	}
	m := Mutant{Name: name, Rule: strings.Join(strings.Fields(rule), " ")}
	var current edit
	flush := func() {
		if current.before != current.after {
			m.edits = append(m.edits, current)
		}
		current = edit{file: current.file}
	}
	for line := range strings.Lines(body) {
		switch {
		case strings.HasPrefix(line, "== "):
			flush()
			current.file = strings.TrimSpace(line[3:])
		case strings.TrimSpace(line) == "@@":
			flush()
		case line[0] == '-':
			current.before += line[1:]
		case line[0] == '+':
			current.after += line[1:]
		case line[0] == ' ':
			current.before += line[1:]
			current.after += line[1:]
		case line == "\n":
			current.before += line
			current.after += line
		default:
			return Mutant{}, fmt.Errorf("line %q begins with none of \"-\", \"+\" and a space", strings.TrimSpace(line))
		}
	}
	flush()
	if len(m.edits) == 0 {
		return Mutant{}, fmt.Errorf("no edits")
	}
	return m, nil
}

var broken atomic.Pointer[string]

// Broken reports whether the rule with the given name is broken now. Only code
// that [Overlay] adds to the library calls it.
func Broken(name string) bool {
	now := broken.Load()
	return now != nil && *now == name
}

// Break breaks the rule with the given name and restores all others. Break("")
// restores all.
func Break(name string) { broken.Store(&name) }

// A change is an edit with its position in a file.
type change struct {
	mutant   string
	from, to int // bytes of the file
	text     string
}

// place returns the position of an edit in the text of a file, without context
// lines.
func (e edit) place(mutant, text string) (change, error) {
	if n := strings.Count(text, e.before); n != 1 {
		return change{}, fmt.Errorf("%s: an edit of %s fits in %d places, want one:\n%s", mutant, e.file, n, e.before)
	}
	from := strings.Index(text, e.before)
	to, after := from+len(e.before), e.after
	for {
		line, rest, ok := strings.Cut(after, "\n")
		if !ok || !strings.HasPrefix(text[from:to], line+"\n") {
			break
		}
		after, from = rest, from+len(line)+1
	}
	for {
		cut := strings.LastIndexByte(strings.TrimSuffix(after, "\n"), '\n') + 1
		if after == "" || !strings.HasSuffix(text[from:to], after[cut:]) {
			break
		}
		to, after = to-len(after[cut:]), after[:cut]
	}
	return change{mutant, from, to, after}, nil
}

// apply returns the text of a file with all changes, which must not overlap.
func apply(text string, changes []change) (string, error) {
	slices.SortFunc(changes, func(a, b change) int { return a.from - b.from })
	var out strings.Builder
	at := 0
	for i, c := range changes {
		if c.from < at || i > 0 && c.from == at && c.to == c.from && changes[i-1].from == changes[i-1].to {
			return "", fmt.Errorf("edits of %s and %s overlap", changes[i-1].mutant, c.mutant)
		}
		out.WriteString(text[at:c.from])
		out.WriteString(c.text)
		at = c.to
	}
	out.WriteString(text[at:])
	return out.String(), nil
}

// Mark returns a text that identifies a pointer.
func Mark(pointer any) string { return fmt.Sprintf(" of %p", pointer) }
