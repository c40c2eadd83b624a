package batchinsert

import (
	"context"
	"fmt"

	"github.com/headrace/headrace/internal/load"
)

// Load writes the records of an input into the table with the given name (in SQL
// notation, as for [NewTable]). The names of their fields are the columns, in
// any order and number, and case-sensitive. Columns without a field get their
// default.
//
// Values are interpreted as by the server's COPY, with one exception: a line of
// CSV with nothing but \. is a record on every server, although COPY before
// PostgreSQL 18 treats it as the end of the data and ignores the lines after it.
// (If LoadOptions.Null is \. too, such a server may refuse it as a bad line.)
//
// Values in a form that does not depend on settings are parsed by the client and
// sent in binary, which saves the server more than half of its work. A block
// with any other value is sent as text, as is every block if a column's type has
// no parser. A block is the part of the input that is sent at once.
//
// The load is one transaction, or part of the caller's: an error, a [*LineError]
// if a line caused it, leaves the table unchanged, unless it wraps
// [ErrOutcomeUnknown]. With an ID, Jobs above 1, or Quarantine, each chunk is a
// transaction, and committed chunks stay. The Report lists the committed chunks
// and the chunks that may have been committed, even with an error. Such a load
// needs a handle or a pool.
//
// The input is read in a goroutine of its own. When the context ends, Load waits
// up to a second for the current Read; then it returns, and the goroutine ends
// after the Read.
func Load(ctx context.Context, w Writer, table string, in Input, opts *LoadOptions) (Report, error) {
	input, o, err := arguments(in, opts)
	if err != nil {
		return Report{}, err
	}
	l, err := load.New(table, input, o)
	if err == nil {
		err = l.Run(ctx, w)
	}
	if err != nil {
		report := Report{}
		if l.InChunks() {
			report = reportOf(l)
		}
		return report, fmt.Errorf("load %s into %s: %w", l.Name(), table, loadError(ctx, err))
	}
	l.Done()
	return reportOf(l), nil
}
