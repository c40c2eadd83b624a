package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/batchinsert/parquetsource"
)

// The formats, by the names of -format.
const (
	csvFormat     = "csv"
	ndjsonFormat  = "ndjson"
	parquetFormat = "parquet"
)

// A source is a file to load, or standard input.
type source struct {
	program *program
	path    string // "-" for standard input
	name    string // in messages and for -resume
	format  string // set when it is opened

	file    *os.File // nil for a stream
	scratch string   // temporary file with a stream's data, to be removed
}

// find checks that the file exists and can be read.
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
	case !info.Mode().IsRegular():
		return nil // opening a named pipe would wait for its writer
	}
	file, err := os.Open(s.path)
	if err != nil {
		return err
	}
	return file.Close()
}

// input opens the file, or seeks to its beginning.
func (s *source) input(ctx context.Context) (batchinsert.Input, error) {
	if s.file != nil {
		return s.fromFile()
	}
	if s.path == "-" {
		if s.program.terminal {
			s.program.say("Reading standard input.")
		}
		return s.fromStream(interruptible(ctx, func() (io.Reader, error) { return s.program.stdin, nil }))
	}
	if info, err := os.Stat(s.path); err == nil && !info.Mode().IsRegular() {
		return s.fromStream(interruptible(ctx, func() (io.Reader, error) { return os.Open(s.path) }))
	}
	file, err := os.Open(s.path)
	if err != nil {
		return nil, err
	}
	s.file = file
	return s.fromFile()
}

// fromStream returns the input of a stream. It stores the stream in a file first
// if it must be read twice or from its end.
func (s *source) fromStream(r io.Reader) (batchinsert.Input, error) {
	in := bufio.NewReader(r)
	raw, err := in.Peek(firstBytes)
	if len(raw) == 0 && err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", s.name, err)
	}
	raw = bytes.Clone(raw)
	var seen bytes.Buffer
	plain := s.plain(io.TeeReader(in, &seen))
	if err := s.guess(raw, plain); err != nil {
		return nil, err
	}
	again := io.MultiReader(&seen, in)
	if s.format == parquetFormat || s.program.opts.create || s.program.opts.load.Verify {
		return s.keep(again)
	}
	return s.text(again), nil
}

// keep stores a stream in a temporary file.
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
	first := make([]byte, firstBytes)
	n, err := s.file.ReadAt(first, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	plain := s.plain(s.file)
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if err := s.guess(first[:n], plain); err != nil {
		return nil, err
	}
	if s.format == parquetFormat {
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

// plainName removes the extension of compression from a name.
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
	if s.scratch != "" {
		_ = os.Remove(s.scratch)
	}
}
