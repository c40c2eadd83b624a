package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/batchinsert/parquetsource"
)

// The formats, as -format has them.
const (
	csvFormat     = "csv"
	ndjsonFormat  = "ndjson"
	parquetFormat = "parquet"
)

// A source is a file to load, or standard input.
type source struct {
	program *program
	path    string // "-" for standard input
	name    string // for people, and for -resume
	format  string // known once it is opened

	file    *os.File // nil for a stream
	stream  io.Closer
	scratch string // where a stream was kept, to be removed
}

// find looks whether the file is there and can be read.
func (s *source) find() error {
	if s.path == "-" {
		return nil
	}
	info, err := os.Stat(s.path)
	switch {
	case err != nil:
		return fmt.Errorf("open %s: %w", s.path, errors.Unwrap(err))
	case info.IsDir():
		return fmt.Errorf("%s is a directory: name the files in it", s.path)
	}
	return nil
}

// input opens the file, or goes back to its beginning.
func (s *source) input() (batchinsert.Input, error) {
	if s.file != nil {
		return s.fromFile()
	}
	if s.path == "-" {
		return s.fromStream(s.program.stdin)
	}
	file, err := os.Open(s.path)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err == nil && !info.Mode().IsRegular() {
		s.stream = file
		return s.fromStream(file)
	}
	s.file = file
	return s.fromFile()
}

// fromStream reads what comes, unless it is needed from its beginning twice, or
// from its end.
func (s *source) fromStream(r io.Reader) (batchinsert.Input, error) {
	in := bufio.NewReader(r)
	first, _ := in.Peek(512) // a read error comes again
	s.guess(first)
	if s.format == parquetFormat || s.program.opts.create {
		return s.keep(in)
	}
	return s.text(in), nil
}

// keep writes a stream to a file.
func (s *source) keep(in io.Reader) (batchinsert.Input, error) {
	file, err := os.CreateTemp("", "pgload")
	if err != nil {
		return nil, err
	}
	s.file, s.scratch = file, file.Name()
	if _, err := io.Copy(file, in); err != nil {
		return nil, fmt.Errorf("keep %s: %w", s.name, err)
	}
	return s.fromFile()
}

func (s *source) fromFile() (batchinsert.Input, error) {
	first := make([]byte, 512)
	n, err := s.file.ReadAt(first, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if s.guess(first[:n]); s.format == parquetFormat {
		return s.parquet()
	}
	return s.text(s.file), nil
}

func (s *source) text(r io.Reader) batchinsert.Input {
	if s.format == ndjsonFormat {
		return batchinsert.NDJSON(r)
	}
	return batchinsert.CSV(r)
}

func (s *source) parquet() (batchinsert.Input, error) {
	info, err := s.file.Stat()
	if err != nil {
		return nil, err
	}
	f, err := parquetsource.Open(s.file, info.Size(), &parquetsource.Options{BinaryAsText: s.program.opts.binaryAsText})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	names := s.program.opts.columnNames
	if names == nil {
		names = f.Columns()
	}
	l := &s.program.opts.load
	for _, name := range slices.Concat(l.Skip, slices.Collect(maps.Keys(l.Rename))) {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("%s: there is no field %q to skip or rename; there are %q", s.name, name, names)
		}
	}
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(l.Skip, name) })
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: no field is left", s.name)
	}
	in, err := f.Records(s.name, names...)
	for i, name := range in.Columns {
		if to, ok := l.Rename[name]; ok {
			in.Columns[i] = to
		}
	}
	return in, err
}

// guess settles the format: as asked for, by the name, by the first bytes.
func (s *source) guess(first []byte) {
	if s.format = s.program.opts.format; s.format != "" {
		return
	}
	switch filepath.Ext(plainName(s.path)) {
	case ".csv", ".tsv", ".txt":
		s.format = csvFormat
	case ".ndjson", ".jsonl", ".json":
		s.format = ndjsonFormat
	case ".parquet", ".pq":
		s.format = parquetFormat
	default:
		switch text := bytes.TrimSpace(first); {
		case bytes.HasPrefix(first, []byte("PAR1")):
			s.format = parquetFormat
		case bytes.HasPrefix(text, []byte("{")):
			s.format = ndjsonFormat
		default:
			s.format = csvFormat
		}
	}
}

// plainName takes off the ending that compression has put behind a name.
func plainName(path string) string {
	path = strings.ToLower(path)
	for _, ext := range []string{".gz", ".zst", ".bz2"} {
		path = strings.TrimSuffix(path, ext)
	}
	return path
}

func (s *source) close() {
	if s.file != nil {
		_ = s.file.Close()
	}
	if s.stream != nil {
		_ = s.stream.Close()
	}
	if s.scratch != "" {
		_ = os.Remove(s.scratch)
	}
}
