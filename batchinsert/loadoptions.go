package batchinsert

import (
	"github.com/headrace/headrace/internal/load"
)

// LoadOptions say how an input is read and written. The zero value, and a nil
// *LoadOptions, mean the defaults. Negative numbers are errors.
type LoadOptions struct {
	// Name of the input in errors. Default: the file's own name, or "input".
	Name string

	// Columns names the columns of a file without names of its own: a CSV file
	// without a header, or NDJSON, whose records may have no other keys then
	// (but those of Skip).
	// Default: CSV has a header, and NDJSON the keys of its first records.
	Columns []string

	// Rename names the column of a field where it is not the field's own name:
	// the keys are names in the file (or of Columns).
	Rename map[string]string

	// Skip names fields that are not loaded.
	Skip []string

	// Comma separates fields of CSV, Quote encloses them, Escape stands before
	// a quote within quotes. Each is one byte. Default: a comma, a double
	// quote, and the same as Quote.
	Comma, Quote, Escape byte

	// NoQuote says that quotes of CSV are data, as in most files with tabs
	// between fields: each line is a record, also one with nothing but \., and
	// Quote and Escape mean nothing.
	// Otherwise a record is bad in which a quote inside a field encloses a line
	// end: quotes that are data would have lines joined silently.
	NoQuote bool

	// Null is the unquoted text of CSV that means NULL. Default: nothing at
	// all.
	Null string

	// Encoding of a CSV or NDJSON file: UTF-8, UTF-16, UTF-16LE, UTF-16BE, or a
	// single-byte one such as Latin1 (ISO-8859-1) or Windows-1252. Default:
	// UTF-8, or UTF-16 where a byte order mark says so. A line with bytes that
	// the encoding has no character for is a bad line; where its text is shown,
	// as in quarantine, a byte 0xFF stands for each of them.
	Encoding string

	// Strict ends a load of a CSV file whose last line has no line end: the
	// file, or the program at the other end of a pipe, may have been cut off
	// within that line, which is otherwise loaded, and reported as
	// Report.Unended.
	Strict bool

	// KeepIdentity takes values for identity columns from the input; see
	// [Options.KeepIdentity].
	KeepIdentity bool

	// OnConflict makes the load an upsert, as of [Table.Upsert], by way of a
	// temporary table. Of a load in chunks, each chunk is one: rows with the
	// same keys in two chunks are written one after the other, and Duplicates
	// has to be KeepLast. Default: a conflict with a unique index is an error
	// of its line.
	OnConflict *OnConflict

	// Progress is told how the load is getting on, as [Options.Progress] is.
	Progress func(Progress)

	// ID makes the load one that can be resumed: what was loaded is recorded
	// under this name, chunk by chunk, in the transactions that bring the
	// rows. The same call with the same input, after whatever ended the last,
	// loads the missing chunks, each row once; several processes may do so at
	// the same time. Lines may be repaired before that, where the chunks that
	// are in the table stay as they are: an [io.Seeker] is read up to the last
	// recorded chunk to find out, before anything is written. [Forget] makes the
	// ID free. It needs the tables of migrations.Install.
	ID string

	// Jobs is the number of connections that load chunks side by side.
	// Default 1. More of them give up the order of rows.
	Jobs int

	// ChunkBytes is the size of a chunk. Default 1 MiB; with an ID, Jobs or
	// Quarantine what keeps the load within 64 MiB of memory: 4.8 MiB with one
	// job, 3 MiB with two, 1.7 MiB with four. A resumed load keeps the size it
	// began with.
	ChunkBytes int

	// OnBad says what becomes of lines that the server refuses. Default: the
	// first one ends the load.
	OnBad OnBad

	// MaxBad ends a load that meets more bad lines than this; the chunk that
	// has one too many is not written, nor are its bad lines. Default 0: no
	// bound.
	MaxBad int64

	// MaxBadShare ends a load of whose lines more than this share is bad, from
	// 0 to 1, as MaxBad does. It is looked at after each chunk, and, from the
	// thousandth line on, after each bad line. Default 0: no bound.
	MaxBadShare float64

	// DryRun reads the input, and writes nothing: its rows go to a temporary
	// table like the target, which is thrown away. Bad lines are counted and
	// told in the Report, those that break a type, NOT NULL or CHECK. It does
	// not find what other tables and other rows say (foreign keys, unique
	// indexes), nor what triggers do.
	DryRun bool

	// Verify has a load in chunks read its whole input before the first chunk is
	// written, and the input again after that: a file that is cut off, whose
	// compression is damaged, that is not valid in its encoding or does not close
	// a quote is refused while the table is as it was. The input has to be a file,
	// or another [io.Seeker]. A load in one transaction needs no Verify.
	Verify bool

	// Truncate empties the table first (TRUNCATE, in the load's transaction, so
	// that it holds up everybody else who uses the table until the load ends,
	// and does not fire DELETE triggers), and has the server write rows as if
	// they had been vacuumed (COPY FREEZE): every later reader is spared that
	// work. Transactions whose snapshot is older than the load see its rows too.
	// With wal_level=minimal the rows are not written to the log either. It
	// needs the one transaction of a load without ID, Jobs and Quarantine.
	Truncate bool

	// DropIndexes drops the table's indexes before the load and makes them anew
	// after it, which for many rows is less work than to add each row to each.
	// Indexes that are unique, belong to a constraint, or could not be made
	// again exactly (see headrace.dropped_indexes) stay. Until the load ends
	// nobody else can use the table, where it is one transaction; and where it
	// has an ID, which several chunks need, statements do without the indexes.
	// They are put back whatever becomes of the load; after the death of the
	// process, by the load's next call, or by [RestoreIndexes].
	DropIndexes bool

	// AsyncCommit sets synchronous_commit off for the load's transactions: a
	// crash of the server may lose the last of them after they were reported
	// as committed. The ledger loses the same ones, so that a load with an ID
	// called again finds out.
	AsyncCommit bool
}

// OnBad says what a load does with lines that the server refuses.
type OnBad int

const (
	// Abort ends the load with a *LineError.
	Abort OnBad = iota
	// Quarantine puts the line into headrace.quarantine (migrations.Install
	// makes it) with its number, place, text and the server's complaint, and
	// goes on with the next.
	Quarantine
)

// internal returns o as the machinery takes it.
func (o *LoadOptions) internal() (load.Options, error) {
	if o == nil {
		o = &LoadOptions{}
	}
	if err := notNegative("LoadOptions", *o); err != nil {
		return load.Options{}, err
	}
	out := load.Options{
		Name: o.Name, Columns: o.Columns, Rename: o.Rename, Skip: o.Skip,
		Comma: o.Comma, Quote: o.Quote, Escape: o.Escape, NoQuote: o.NoQuote, Null: o.Null,
		Encoding: o.Encoding, Strict: o.Strict, KeepIdentity: o.KeepIdentity, Progress: meterFunc(o.Progress),
		ID: o.ID, Jobs: o.Jobs, ChunkBytes: o.ChunkBytes,
		OnBad: int(o.OnBad), MaxBad: o.MaxBad, MaxBadShare: o.MaxBadShare,
		DryRun: o.DryRun, Verify: o.Verify, Truncate: o.Truncate, DropIndexes: o.DropIndexes, AsyncCommit: o.AsyncCommit,
		LineError: newLineError,
	}
	if o.OnConflict != nil {
		on, err := o.OnConflict.internal()
		if err != nil {
			return load.Options{}, err
		}
		out.OnConflict = &on
	}
	return out, nil
}
