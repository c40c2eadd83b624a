package parquetsource

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/headrace/headrace/batchinsert"
)

// Options say how a file is read. The zero value, and a nil *Options, mean the
// defaults.
type Options struct {
	// BinaryAsText takes byte arrays that are not annotated for text and not for
	// bytea, as old programs write it (Impala, Hive, Spark before 1.2).
	BinaryAsText bool
}

// A File is an opened Parquet file. It may be used from many goroutines at once.
type File struct {
	file   *parquet.File
	fields []field
}

// Open reads the end of a file of that size, where it describes itself. r is the
// caller's, and has to stay open as long as rows are read.
func Open(r io.ReaderAt, size int64, opts *Options) (*File, error) {
	if opts == nil {
		opts = &Options{}
	}
	f, err := open(r, size, opts)
	if err != nil {
		return nil, fmt.Errorf("open Parquet file: %w", err)
	}
	return f, nil
}

func open(r io.ReaderAt, size int64, opts *Options) (f *File, err error) {
	if err := checkEnds(r, size); err != nil {
		return nil, err
	}
	defer recovered(&err)
	// Neither index is needed to read a file from its first row to its last.
	file, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	f = &File{file: file}
	if f.fields, err = fieldsOf(file.Metadata().Schema, opts); err != nil {
		return nil, err
	}
	return f, f.check()
}

// checkEnds looks for what is at a file's beginning and end, of which parquet-go
// believes the length: it would make room for 4 GB.
func checkEnds(r io.ReaderAt, size int64) error {
	const magic, tail = "PAR1", 8
	var first [len(magic)]byte
	var last [tail]byte
	if size < int64(len(magic)+tail) {
		return fmt.Errorf("%d bytes are too few", size)
	}
	if _, err := r.ReadAt(first[:], 0); err != nil {
		return err
	}
	if string(first[:]) != magic {
		return fmt.Errorf("it begins with %q, not %q", first, magic)
	}
	if _, err := r.ReadAt(last[:], size-tail); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if string(last[4:]) != magic {
		return fmt.Errorf("it does not end with %q: it is cut off, or still being written", magic)
	}
	if footer := int64(binary.LittleEndian.Uint32(last[:])); footer > size-int64(len(magic)+tail) {
		return fmt.Errorf("it is damaged: %d bytes of %d describe it", footer, size)
	}
	return nil
}

// check compares what the file says in two places.
func (f *File) check() error {
	m := f.file.Metadata()
	leaves, rows := 0, int64(0)
	for _, field := range f.fields {
		leaves += field.leaves
	}
	for i := range m.RowGroups {
		group := &m.RowGroups[i]
		if rows += group.NumRows; group.NumRows < 0 || rows < 0 {
			return fmt.Errorf("it is damaged: row group %d has %d rows", i, group.NumRows)
		}
		if len(group.Columns) != leaves {
			return fmt.Errorf("it is damaged: row group %d has %d columns of %d", i, len(group.Columns), leaves)
		}
	}
	if rows != m.NumRows {
		return fmt.Errorf("it is damaged: it has %d rows, and its row groups %d", m.NumRows, rows)
	}
	return nil
}

// Columns returns the names of the columns, in the file's order, those that are
// nested included.
func (f *File) Columns() []string {
	names := make([]string, len(f.fields))
	for i, field := range f.fields {
		names[i] = field.name
	}
	return names
}

// NumRows returns the number of rows.
func (f *File) NumRows() int64 { return f.file.NumRows() }

// Records returns the rows as a load's input: all columns, or, of which only
// pages are read then, those named. An error names a column that is not there,
// or that has no place in a row. name is what errors call the file.
//
// A yielded row is overwritten by the next one.
func (f *File) Records(name string, columns ...string) (batchinsert.Records, error) {
	fields, err := f.pick(columns)
	if err != nil {
		return batchinsert.Records{}, fmt.Errorf("read %s: %w", name, err)
	}
	r := batchinsert.Records{Name: name, Total: f.NumRows(), Rows: (&rows{file: f.file, fields: fields}).all}
	for _, field := range fields {
		r.Columns = append(r.Columns, field.name)
	}
	return r, nil
}

// pick finds columns by their names; none means all.
func (f *File) pick(columns []string) ([]field, error) {
	fields := f.fields
	if len(columns) > 0 {
		fields = nil
		for _, name := range columns {
			i := slices.IndexFunc(f.fields, func(f field) bool { return f.name == name })
			if i < 0 {
				return nil, fmt.Errorf("no column %q; there are %q", name, f.Columns())
			}
			fields = append(fields, f.fields[i])
		}
	}
	if len(fields) == 0 {
		return nil, errors.New("it has no columns")
	}
	for _, field := range fields {
		if field.err != nil {
			return nil, fmt.Errorf("column %q: %w", field.name, field.err)
		}
		if err := f.checkCodec(field); err != nil {
			return nil, fmt.Errorf("column %q: %w", field.name, err)
		}
	}
	return fields, nil
}

// codecs are those of which parquet-go decodes pages of every size; see "Design
// notes".
var codecs = []format.CompressionCodec{format.Uncompressed, format.Snappy, format.Gzip, format.Brotli, format.Zstd}

// checkCodec returns an error if a chunk of the column is compressed by a codec
// that is not read.
func (f *File) checkCodec(of field) error {
	groups := f.file.Metadata().RowGroups
	for i := range groups {
		if codec := groups[i].Columns[of.leaf].MetaData.Codec; !slices.Contains(codecs, codec) {
			return fmt.Errorf("it is compressed by %v, which is not read: write the file with one of %v", codec, codecs)
		}
	}
	return nil
}

// recovered makes a panic of parquet-go's an error: it is how some kinds of
// damage show.
func recovered(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("it is damaged: %v", v)
	}
}
