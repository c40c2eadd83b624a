package stmtstats

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/headrace/headrace/internal/sqltext"
)

// MaxFingerprints bounds a table.
const MaxFingerprints = 2048

const others = "(other statements)"

// A Table has the figures of fingerprints, a bounded number of them.
type Table struct {
	mu    sync.Mutex
	byKey map[key]*Statement // guarded by mu
	other *Statement         // of all that came after the table was full
}

// A key is what calls are counted by: a name tells apart what two places
// of a program do with one text.
type key struct {
	fingerprint uint64
	name        string
}

// NewTable returns an empty table.
func NewTable() *Table {
	return &Table{byKey: make(map[key]*Statement), other: &Statement{text: others}}
}

// Other returns the figures of all statements that the table has no room for.
func (p *Table) Other() *Statement { return p.other }

// Of returns the figures of text's fingerprint under a name, which may be "".
func (p *Table) Of(text *sqltext.Statement, name string) *Statement {
	k := key{text.Fingerprint, name}
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.byKey[k]
	if f == nil {
		if len(p.byKey) >= MaxFingerprints {
			return p.other
		}
		k.name = strings.Clone(name) // a part of the text, which may be long
		f = &Statement{fingerprint: k.fingerprint, name: k.name, text: text.FingerprintText()}
		p.byKey[k] = f
	}
	return f
}

// Snapshot returns the figures of all statements that were called, the one that
// took most time first.
func (p *Table) Snapshot() []Snapshot {
	p.mu.Lock()
	all := make([]*Statement, 0, len(p.byKey)+1)
	for _, f := range p.byKey {
		all = append(all, f)
	}
	p.mu.Unlock()
	all = append(all, p.other)

	out := make([]Snapshot, 0, len(all))
	for _, f := range all {
		if one := f.Snapshot(); one.Calls > 0 {
			out = append(out, one)
		}
	}
	slices.SortFunc(out, func(a, b Snapshot) int { return cmp.Compare(b.Total, a.Total) })
	return out
}
