package batchinsert

import (
	"github.com/headrace/headrace/internal/load"
)

// LoadOptions configure a load. The zero value and a nil *LoadOptions mean the
// defaults. Negative numbers are errors.
type LoadOptions struct {
	// Name of the input in errors. Default: the file's own name, or "input".
	Name string

	// Columns names the columns of a CSV file without a header, or the keys of
	// NDJSON, whose records then must not have other keys (except those of
	// Skip). Default: the header of CSV, and the keys of the first records of
	// NDJSON.
	Columns []string

	// Rename maps names of fields, in the file or in Columns, to names of
	// columns that differ.
	Rename map[string]string

	// Skip names fields that are not loaded.
	Skip []string

	// Comma separates fields of CSV, Quote encloses them, Escape stands before
	// a quote within quotes. Each is one byte. Default: a comma, a double
	// quote, and the same as Quote.
	Comma, Quote, Escape byte

	// NoQuote treats quotes of CSV as data, as in most files with tabs between
	// fields: each line is a record, including one with nothing but \., and
	// Quote and Escape have no effect. Without NoQuote, a record in which a
	// quote inside a field encloses a line end is bad: quotes that are data
	// would join lines silently.
	NoQuote bool

	// Null is the unquoted text of CSV that means NULL. Default: no text.
	Null string

	// Encoding of a CSV or NDJSON file: UTF-8, UTF-16, UTF-16LE, UTF-16BE, or a
	// single-byte one such as Latin1 (ISO-8859-1) or Windows-1252. Default:
	// UTF-8, or UTF-16 with a byte order mark. A line with bytes for which the
	// encoding has no character is a bad line; where its text is stored or
	// shown, as in the quarantine, a byte 0xFF replaces each of them.
	Encoding string

	// Strict fails the load of a CSV file whose last line has no line end: the
	// file, or the program at the other end of a pipe, may have been cut off
	// within that line. Without Strict the line is loaded, and reported as
	// Report.Unended.
	Strict bool

	// KeepIdentity takes values for identity columns from the input; see
	// [Options.KeepIdentity].
	KeepIdentity bool

	// OnConflict makes the load an upsert, as by [Table.Upsert], through a
	// temporary table. In a load in chunks, each chunk is an upsert: rows with
	// the same keys in two chunks are written one after the other, and
	// Duplicates must be KeepLast. Default: a conflict with a unique index is
	// an error of its line.
	OnConflict *OnConflict

	// Progress is called with the progress of the load, as [Options.Progress].
	Progress func(Progress)

	// ID makes the load resumable: each chunk is recorded under this name in
	// the transaction that writes its rows. After any failure, the same call
	// with the same input loads the missing chunks, each row exactly once;
	// several processes may do so at the same time. Lines may be repaired in
	// between, in chunks that are not loaded: an [io.Seeker] is read up to the
	// last recorded chunk to verify that, before anything is written. [Forget]
	// releases the ID. It needs the tables of migrations.Install.
	ID string

	// Jobs is the number of connections that load chunks in parallel. Default
	// 1. With more, the order of rows is not preserved.
	Jobs int

	// ChunkBytes is the size of a chunk, which is a transaction of a load with
	// an ID, Jobs or Quarantine; in a load in one transaction it is the size of
	// a block. Default 1 MiB for a block, and for a chunk the size that keeps
	// the load within 64 MiB of memory: 4.8 MiB with one job, 3 MiB with two,
	// 1.7 MiB with four. A resumed load keeps the size it began with.
	ChunkBytes int

	// OnBad defines how lines are treated that the server refuses. Default: the
	// first one fails the load.
	OnBad OnBad

	// MaxBad fails a load with more bad lines than this. The chunk that exceeds
	// it is not written, and neither are its bad lines. Default 0: no bound.
	MaxBad int64

	// MaxBadShare fails a load with a larger share of bad lines than this, from
	// 0 to 1, as MaxBad does. It is checked after each chunk, and, from the
	// thousandth line on, after each bad line. Default 0: no bound.
	MaxBadShare float64

	// DryRun reads the input without writing to the table: the rows go to a
	// temporary table like it, which is dropped. ID, Jobs, Truncate and
	// DropIndexes have no effect. The Report counts and lists the lines that
	// violate a type, NOT NULL or CHECK. DryRun does not find violations of
	// foreign keys and unique indexes, nor errors of triggers.
	DryRun bool

	// Verify lets a load in chunks read its whole input before it writes the
	// first chunk, and then again. A file that is cut off, has damaged
	// compression, is invalid in its encoding or does not close a quote is
	// refused before the table is changed. The input must be a file or another
	// [io.Seeker]. A load in one transaction does not need Verify.
	Verify bool

	// Truncate empties the table first by TRUNCATE in the load's transaction,
	// which blocks all other use of the table until the load ends and does not
	// fire DELETE triggers. The rows are written frozen (COPY FREEZE), as if
	// they had been vacuumed, which saves later readers that work. Transactions
	// whose snapshot is older than the load see its rows too. With
	// wal_level=minimal the rows are not written to the write-ahead log either.
	// It requires a load in one transaction: without ID, Jobs and Quarantine.
	Truncate bool

	// DropIndexes drops the table's indexes before the load and creates them
	// again after it, which for many rows is less work than updating them row
	// by row. Indexes that are unique, belong to a constraint, or could not be
	// restored exactly (see headrace.dropped_indexes) are kept. Until the load
	// ends, a load in one transaction blocks all other use of the table; in a
	// load in chunks, which needs an ID, other statements run without the
	// indexes. They are restored however the load ends; after the death of the
	// process, by the next call of the load or by [RestoreIndexes].
	DropIndexes bool

	// AsyncCommit sets synchronous_commit to off for the load's transactions: a
	// crash of the server may lose the last of them after they were reported as
	// committed. The ledger loses the same transactions, so that the next call
	// of a load with an ID repeats them. In a transaction of the caller's it is
	// an error: set synchronous_commit there.
	AsyncCommit bool
}

// OnBad defines how a load treats lines that the server refuses.
type OnBad int

const (
	// Abort fails the load with a *LineError.
	Abort OnBad = iota
	// Quarantine puts the line into headrace.quarantine (migrations.Install
	// creates it) with its number, place, text and the server's error, and
	// continues with the next line.
	Quarantine
)

// internal returns o for package load, or an error if it is invalid.
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
