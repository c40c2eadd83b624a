package changes

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/headrace/headrace/internal/sqltext"
)

// What the package does instead where one of its rules is broken on purpose: see
// package rules.

// tellLate tells of changes after the call that made them has returned.
func (l *listeners) tellLate(ctx context.Context, changes []Change) {
	time.AfterFunc(time.Millisecond, func() { l.tell(ctx, changes) })
}

// namedIn leaves only the tables that the text itself says are written.
func namedIn(st *statement, changes []Change) []Change {
	return slices.DeleteFunc(slices.Clone(changes), func(c Change) bool {
		return !slices.ContainsFunc(st.Writes, func(w sqltext.Table) bool { return w.Name == c.Table.Name })
	})
}

// confirmForOthers takes the schema for unchanged as far as other handles know
// it.
func (t *Tracker) confirmForOthers(at *Database) {
	if at == nil {
		return
	}
	version := at.schema.version.Load()
	for _, e := range at.schema.unconfirmed(version) {
		if e.of != t {
			e.confirm(version)
		}
	}
}

// seenBy returns a database that only d knows.
func (p *identity) seenBy(t *Tracker) *identity {
	own := *p
	mark := fmt.Sprintf(" of %p", t)
	own.oid, own.start, own.system = p.oid+mark, p.start+mark, ""
	return &own
}
