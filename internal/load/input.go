package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"sync/atomic"

	"github.com/headrace/headrace/internal/progress"
	"github.com/headrace/headrace/internal/records"
)

// An Input is what a load reads.
type Input interface {
	// open reads as far as the names of the fields.
	open(o *Options) (*text, error)
	// title is what the input calls itself, or "".
	title() string
}

// Rows are the rows of a program: see batchinsert.Records.
type Rows struct {
	Name    string
	Columns []string
	Rows    iter.Seq2[[]any, error]
	Total   int64
}

// A text is an input that was opened.
type text struct {
	file   *bufio.Reader // behind the names
	format records.Format
	start  int64                 // where file begins in the input, if that can be sought in
	reopen func() (*text, error) // from its beginning; nil where that cannot be
	seeker io.Seeker             // nil where it cannot be, or bytes of file lie elsewhere in it
	source io.Reader             // what file reads
	values *records.Values       // what file reads, of Records
	close  func()

	encoding string // that the text was decoded from; empty for UTF-8

	bytes *atomic.Int64 // read so far of the input as it lies there, compressed
	total int64         // bytes of it, 0 where unknown
	rows  int64         // of it, 0 where unknown
	meter *progress.Meter
}

func noop() {}

// explainUndecodable explains an error about invalid UTF-8 in record: the file's own
// encoding has no character for the bytes. It returns other errors unchanged.
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

// A file is text that lies somewhere.
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

// seekerOf returns r as a Seeker, if it can be sought in, and the place it is at.
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

// seek goes on to a byte of the text behind the names. It is to be called before
// any of it has been read.
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
		return nil, errors.New("Records has no Columns, or no Rows")
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

// A meteredInput counts the bytes of a file.
type meteredInput struct {
	r     io.Reader
	bytes atomic.Int64
}

func (in *meteredInput) Read(p []byte) (int, error) {
	n, err := in.r.Read(p)
	in.bytes.Add(int64(n))
	return n, err
}

// sizeOf returns how many bytes are left to read, or 0 where that is unknown.
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
