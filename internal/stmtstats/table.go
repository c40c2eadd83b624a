package stmtstats

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/headrace/headrace/internal/sqltext"
)

// MaxFingerprints bounds the entries of a table.
const MaxFingerprints = 2048

const others = "(other statements)"

// A Table holds the figures of a bounded number of fingerprints.
type Table struct {
	mu    sync.Mutex
	byKey map[key]*Statement // guarded by mu
	other *Statement         // counts the statements that do not fit
}

// A key identifies the figures of a statement. The name distinguishes two
// places of a program that send one text.
type key struct {
	fingerprint uint64
	name        string
}

// NewTable returns an empty table.
func NewTable() *Table {
	return &Table{byKey: make(map[key]*Statement), other: &Statement{text: others, summary: others}}
}

// Other returns the figures of all statements that do not fit in the table.
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
		k.name = strings.Clone(name) // name may be a part of a long text
		f = &Statement{fingerprint: k.fingerprint, name: k.name, text: text.FingerprintText(), summary: text.Summary()}
		p.byKey[k] = f
	}
	return f
}

// Snapshot returns the figures of all statements that were called, in
// descending order of total time.
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
