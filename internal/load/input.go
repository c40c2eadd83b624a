package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/progress"
	"github.com/headrace/headrace/internal/records"
	"github.com/headrace/headrace/internal/target"
)

// An Input is the input of a load: a file or Rows.
type Input interface {
	// open reads the names of the fields.
	open(o *Options) (*text, error)
	// title returns the input's own name, or "".
	title() string
}

// Rows are rows that a program yields. See batchinsert.Records.
type Rows struct {
	Name    string
	Columns []string
	Rows    iter.Seq2[[]any, error]
	Total   int64
}

// A text is an opened input.
type text struct {
	file   *bufio.Reader // positioned after the names
	format records.Format
	start  int64                 // position of file in the input, with a seeker
	reopen func() (*text, error) // opens the input again; nil if it cannot seek
	seeker io.Seeker             // of the input; nil if it cannot seek, or is not plain text
	source io.Reader             // what file reads
	values *records.Values       // source, of Rows
	close  func()

	encoding string // of the input; empty for UTF-8

	bytes *atomic.Int64 // of the input read so far, before decompression
	total int64         // bytes of the input, 0 if unknown
	rows  int64         // of the input, 0 if unknown
	meter *progress.Meter
}

func noop() {}

// explainUndecodable adds to an error about invalid UTF-8 in record that the
// file's encoding has no character for the bytes. It returns other errors
// unchanged.
func (t *text) explainUndecodable(err error, record []byte) error {
	if t.encoding == "" || codeOf(err) != records.BadCharacter || bytes.IndexByte(record, records.Undecodable) < 0 {
		return err
	}
	return fmt.Errorf("bytes without a character in %s, for which 0x%x stands here: %w", t.encoding, records.Undecodable, err)
}

// CSV is the input of a CSV file.
func CSV(r io.Reader) Input { return file{r, openCSV} }

// NDJSON is the input of a file with one JSON object a line.
func NDJSON(r io.Reader) Input { return file{r, openNDJSON} }

// A file is the input of a reader.
type file struct {
	r    io.Reader
	with func(file *bufio.Reader, o *Options) (records.Format, error)
}

func (f file) title() string {
	if named, ok := f.r.(interface{ Name() string }); ok {
		return named.Name()
	}
	return ""
}

func (f file) open(o *Options) (*text, error) {
	metered := &meteredInput{r: f.r}
	t := &text{source: metered, close: noop, bytes: &metered.bytes, total: sizeOf(f.r), meter: progress.NewMeter(o.Progress)}
	seeker, at := seekerOf(f.r)
	if seeker != nil {
		t.reopen = func() (*text, error) {
			if _, err := seeker.Seek(at, io.SeekStart); err != nil {
				return nil, err
			}
			return f.open(o)
		}
	}
	file, err := records.Open(metered, o.Encoding)
	if err != nil {
		return nil, err
	}
	t.file, t.encoding = file.Reader, file.Encoding
	if t.format, err = f.with(t.file, o); err != nil {
		return nil, err
	}
	if seeker != nil && !file.Packed {
		t.seeker, t.start = seeker, at+metered.bytes.Load()-int64(file.Buffered())
	}
	return t, nil
}

// seekerOf returns r as a Seeker and its position, or nil if r cannot seek.
func seekerOf(r io.Reader) (io.Seeker, int64) {
	seeker, ok := r.(io.Seeker)
	if !ok {
		return nil, 0
	}
	at, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil { // a pipe
		return nil, 0
	}
	return seeker, at
}

// seek moves to an offset in the text after the names. Nothing after the names
// must have been read.
func (t *text) seek(to int64) error {
	if t.seeker == nil {
		_, err := io.CopyN(io.Discard, t.file, to)
		return err
	}
	if _, err := t.seeker.Seek(t.start+to, io.SeekStart); err != nil {
		return err
	}
	t.file.Reset(t.source)
	return nil
}

func openCSV(file *bufio.Reader, o *Options) (records.Format, error) {
	return records.OpenCSV(file, records.CSV{Comma: o.Comma, Quote: o.Quote, Escape: o.Escape, NoQuote: o.NoQuote, Null: o.Null}, o.fields())
}

func openNDJSON(file *bufio.Reader, o *Options) (records.Format, error) {
	return records.OpenJSON(file, o.fields())
}

func (o *Options) fields() records.Fields {
	return records.Fields{Names: o.Columns, Rename: o.Rename, Skip: o.Skip}
}

func (r Rows) title() string { return r.Name }

func (r Rows) open(o *Options) (*text, error) {
	if len(r.Columns) == 0 || r.Rows == nil {
		return nil, errors.New("the Records have no Columns, or no Rows")
	}
	if len(o.Rename) > 0 || len(o.Skip) > 0 {
		return nil, errors.New("LoadOptions.Rename and Skip are for CSV and NDJSON: Records names its columns itself")
	}
	values, format := records.OpenValues(r.Columns, r.Rows)
	return &text{
		file: bufio.NewReaderSize(values, sample), format: format, values: values, close: values.Close,
		bytes: new(atomic.Int64), rows: r.Total, meter: progress.NewMeter(o.Progress),
	}, nil
}

// describe tells Rows the columns that they are for. It must be called before
// the input is read.
func (l *Load) describe(s *sender) {
	if l.input.values != nil {
		l.input.values.Describe(s.fields)
	}
}

// describeFirst is describe in a transaction of its own, for loads whose ledger
// reads the beginning of the input.
func (l *Load) describeFirst(ctx context.Context, w target.Beginner) error {
	if l.input.values == nil {
		return nil
	}
	return pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error {
		s, err := l.sender(ctx, tx)
		if err == nil {
			l.describe(s)
		}
		return err
	})
}

// A meteredInput counts the bytes read.
type meteredInput struct {
	r     io.Reader
	bytes atomic.Int64
}

func (in *meteredInput) Read(p []byte) (int, error) {
	n, err := in.r.Read(p)
	in.bytes.Add(int64(n))
	return n, err
}

// sizeOf returns the number of bytes left to read, or 0 if it is unknown.
func sizeOf(r io.Reader) int64 {
	switch r := r.(type) {
	case *os.File:
		info, err := r.Stat()
		if err != nil || !info.Mode().IsRegular() {
			return 0
		}
		at, err := r.Seek(0, io.SeekCurrent)
		if err != nil {
			return 0
		}
		return info.Size() - at
	case interface{ Len() int }:
		return int64(r.Len())
	}
	return 0
}
