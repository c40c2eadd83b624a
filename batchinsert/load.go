package batchinsert

import (
	"context"
	"fmt"
	"io"

	"github.com/headrace/headrace/internal/load"
)

// LoadCSV writes a CSV file with a header into the table of this name (in SQL
// notation, as for [NewTable]): it is [Load] of [CSV].
func LoadCSV(ctx context.Context, w Writer, table string, r io.Reader, opts *LoadOptions) (Report, error) {
	return Load(ctx, w, table, CSV(r), opts)
}

// LoadNDJSON writes a file with one JSON object a line: it is [Load] of
// [NDJSON].
func LoadNDJSON(ctx context.Context, w Writer, table string, r io.Reader, opts *LoadOptions) (Report, error) {
	return Load(ctx, w, table, NDJSON(r), opts)
}

// Load writes the records of an input into the table of this name (in SQL
// notation, as for [NewTable]). Their fields' names are the columns, in any
// order and number; case counts. Columns without a field get their default.
//
// A value means what it means to the server's own COPY, but for a line of CSV with
// nothing but \. in it: that is a record like any other on every server, though
// COPY takes it for the end of the data before PostgreSQL 18, and leaves out the
// lines after it. (Where LoadOptions.Null is \. too, such a server may refuse it as
// a bad line.)
//
// Values whose form is the same under every setting are parsed here and sent in
// binary, which saves the server more than half of its work; a chunk with any
// other value, and all chunks of a table with a column of a type without a parser,
// go to the server's reader as text.
//
// The load is one transaction, or part of the caller's: after an error, a
// [*LineError] where a line is to blame, the table is as it was. An ID, Jobs
// above 1, or Quarantine give that up: each chunk is a transaction then, and
// those that were committed stay; the Report names them, also beside an error.
// Such a load needs a handle or a pool.
//
// The input is read in a goroutine of its own. When the context ends, Load waits
// a second for a Read under way, then leaves that goroutine to it.
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
