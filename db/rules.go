package db

import (
	"context"
	"slices"
	"time"

	"github.com/headrace/headrace/internal/sqltext"
)

// A rule is one of those by which a cache that hears of changes is right. A
// build with the tag "mutants" can break one, to see that the tests notice; in
// every other build broken is the constant 0 and the compiler leaves nothing
// of it.
type rule int

const (
	allHold        rule = iota
	toldFirst           // a change is told before the call that committed it returns
	rollbackTells       // a rollback tells nothing
	releaseKeeps        // what was written since a savepoint that is released stays written
	doubtIsTold         // an unknown outcome is told
	catalogWidens       // what the catalogs add to a statement's own tables is told
	typesAreInKeys      // arguments of different types have different keys
)

// tellLate tells of changes after the call that made them has returned.
func (l *listeners) tellLate(ctx context.Context, changes []Change) {
	time.AfterFunc(time.Millisecond, func() { l.tell(ctx, changes) })
}

// namedIn leaves only the tables that the text itself says are written.
func namedIn(st *statement, changes []Change) []Change {
	return slices.DeleteFunc(slices.Clone(changes), func(c Change) bool {
		return !slices.ContainsFunc(st.st.Writes, func(w sqltext.Table) bool { return w.Name == c.Table.Name })
	})
}

// untyped returns arguments of which bytes and texts look the same.
func untyped(args []any) []any {
	args = slices.Clone(args)
	for i, arg := range args {
		if b, ok := arg.([]byte); ok {
			args[i] = string(b)
		}
	}
	return args
}
