package main

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"

	"github.com/headrace/headrace/batchinsert"
)

// firstBytes is the size of the beginning of a file by which its format is
// guessed.
const firstBytes = 512

// plain returns the first bytes of the decompressed text of a file.
func (s *source) plain(r io.Reader) []byte {
	first, err := batchinsert.Peek(r, s.program.opts.encoding, firstBytes)
	if err != nil {
		return nil // the load reports it
	}
	return first
}

// strangers are unsupported formats by their first bytes.
var strangers = []struct{ magic, is string }{
	{"PK\x03\x04", "a zip archive, as .xlsx workbooks are: unzip -p writes what is in one"},
	{"\xfd7zXZ\x00", "compressed by xz: xz -dc writes what is in it"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it"},
	{"\x04\x22\x4d\x18", "compressed by lz4: lz4 -dc writes what is in it"},
	{"\x1f\x9d", "compressed by compress: gzip -dc writes what is in it"},
	{"%PDF-", "a PDF document"},
	{"SQLite format 3\x00", "an SQLite database"},
}

// guess determines the format: by -format, by the name, or by the first bytes.
// It returns an error for files that would be misread. raw is the beginning of
// the file, plain that of its text.
func (s *source) guess(raw, plain []byte) error {
	for _, f := range strangers {
		if bytes.HasPrefix(raw, []byte(f.magic)) {
			return fmt.Errorf("%s is %s", s.name, f.is)
		}
	}
	if len(plain) > 262 && string(plain[257:262]) == "ustar" {
		return fmt.Errorf("%s is a tar archive: tar -xO writes what is in it", s.name)
	}
	s.format = s.guessed(raw, plain)
	switch text := bytes.TrimSpace(plain); {
	case s.format == parquetFormat && !bytes.HasPrefix(raw, []byte(parquetMagic)) && bytes.HasPrefix(plain, []byte(parquetMagic)):
		return fmt.Errorf("%s is a Parquet file in a compressed one: decompress it first", s.name)
	case s.format == ndjsonFormat && bytes.HasPrefix(text, []byte("[")):
		return fmt.Errorf("%s is one JSON array, and not an object a line: jq -c '.[]' writes it so", s.name)
	case s.format == ndjsonFormat && bytes.HasPrefix(text, []byte("{")) && len(bytes.TrimSpace(firstLine(text))) == 1:
		return fmt.Errorf("%s has JSON over several lines, and not an object a line: jq -c . writes it so", s.name)
	case s.format == csvFormat:
		return s.checkDelimiter(plain)
	}
	return nil
}

const parquetMagic = "PAR1"

func (s *source) guessed(raw, plain []byte) string {
	if s.program.opts.format != "" {
		return s.program.opts.format
	}
	switch filepath.Ext(plainName(s.path)) {
	case ".csv", ".tsv", ".txt":
		return csvFormat
	case ".ndjson", ".jsonl", ".json":
		return ndjsonFormat
	case ".parquet", ".pq":
		return parquetFormat
	}
	switch text := bytes.TrimSpace(plain); {
	case bytes.HasPrefix(raw, []byte(parquetMagic)), bytes.HasPrefix(plain, []byte(parquetMagic)):
		return parquetFormat
	case bytes.HasPrefix(text, []byte("{")), bytes.HasPrefix(text, []byte("[{")):
		return ndjsonFormat
	}
	return csvFormat
}

func firstLine(text []byte) []byte {
	if i := bytes.IndexAny(text, "\r\n"); i >= 0 {
		return text[:i]
	}
	return text
}

// checkDelimiter returns an error for a file with another delimiter, which would
// be read as one column.
func (s *source) checkDelimiter(plain []byte) error {
	if s.program.loadOptions(s).Comma != 0 || len(s.program.opts.columnNames) == 1 {
		return nil
	}
	line := firstLine(plain)
	if bytes.ContainsAny(line, `,"`) {
		return nil
	}
	i := bytes.IndexAny(line, ";\t|")
	if i < 0 {
		return nil
	}
	flag := "'" + string(line[i:i+1]) + "'"
	if line[i] == '\t' {
		flag = "tab"
	}
	return fmt.Errorf("the first line of %s has no comma, but %q: -delimiter %s separates fields there (and -delimiter , says that it is one field)", s.name, line[i:i+1], flag)
}
