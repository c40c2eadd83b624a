package records

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// OpenJSON opens a file with one JSON object a line (ndjson.org, jsonlines.org).
// Without names its fields are the keys of the objects in its first 64 KiB, of
// one at least, in the order of their first occurrence.
func OpenJSON(file *bufio.Reader, fields Fields) (Format, error) {
	f := &jsonFormat{keys: fields.Names, given: fields.Names != nil, index: map[string]int{}}
	if !f.given {
		var err error
		if f.keys, err = firstKeys(file); err != nil {
			return nil, err
		}
		for _, key := range slices.Sorted(maps.Keys(fields.Rename)) { // later records may have it
			if !slices.Contains(f.keys, key) {
				f.keys = append(f.keys, key)
			}
		}
	}
	f.keys = slices.DeleteFunc(slices.Clone(f.keys), func(key string) bool { return slices.Contains(fields.Skip, key) })
	for i, key := range f.keys {
		f.names = append(f.names, fields.column(key))
		f.index[key] = i
	}
	for _, key := range fields.Skip {
		f.index[key] = skipped
	}
	return f, nil
}

// skipped is the index of a key that is not loaded.
const skipped = -1

// sampleSize is the size of the beginning of a file that is searched for keys.
const sampleSize = 64 << 10

// firstKeys returns the keys of the objects at the beginning of a file. It skips
// lines that are not objects: the load reports them.
func firstKeys(file *bufio.Reader) ([]string, error) {
	start := peekPast(file, "\n")
	if len(start) < sampleSize {
		start, _ = file.Peek(sampleSize)
	}
	start = start[:min(len(start), max(sampleSize, lineEnd(start, 0, '\n')))] // so that every run reads the same
	var names []string
	var first error
	for len(start) > 0 {
		end := lineEnd(start, 0, '\n')
		line := bytes.TrimSpace(start[:end])
		start = start[end:]
		if len(line) == 0 {
			continue
		}
		keys, err := objectKeys(line)
		if err != nil && first == nil {
			first = err
		}
		for _, key := range keys {
			if !slices.Contains(names, key) {
				names = append(names, key)
			}
		}
	}
	switch {
	case len(names) > 0:
		return names, nil
	case first != nil:
		return nil, fmt.Errorf("no record with keys in the first %d bytes: %w", sampleSize, first)
	}
	return nil, errors.New("the file is empty, or its first records have no keys")
}

func objectKeys(line []byte) ([]string, error) {
	if err := checkObject(line); err != nil {
		return nil, err
	}
	var keys []string
	for key := range members(line) {
		name, err := unquote(key)
		if err != nil {
			return nil, err
		}
		keys = append(keys, string(name))
	}
	return keys, nil
}

var errNotObject = errors.New("not a JSON object")

// checkObject returns the error of a line that is not a JSON object.
func checkObject(line []byte) error {
	if !json.Valid(line) {
		var v any
		err := json.Unmarshal(line, &v)
		return fmt.Errorf("not valid JSON: %w", err)
	}
	if line[0] != '{' {
		return errNotObject
	}
	return nil
}

type jsonFormat struct {
	keys  []string // of the columns
	names []string // of the columns: keys, renamed
	given bool     // the names are given, not read from the first records
	index map[string]int
}

func (f *jsonFormat) Names() []string { return slices.Clone(f.names) }

func (*jsonFormat) Lines() int { return 0 }

func (*jsonFormat) Dialect() string { return "ndjson" }

func (*jsonFormat) Options() string { return "FORMAT text, ENCODING 'UTF8'" }

// RecordAt implements [Format].
func (*jsonFormat) RecordAt(line int, _ []byte, _ []Span) int { return line }

func (f *jsonFormat) Naming() string {
	if f.given {
		return "LoadOptions.Columns names"
	}
	return "the first records name"
}

func (*jsonFormat) eol() byte { return '\n' }

func (*jsonFormat) splitter() splitter { return jsonSplitter{} }

// A jsonSplitter skips empty lines.
type jsonSplitter struct{}

func (jsonSplitter) between(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 }
func (jsonSplitter) after([]byte) bool        { return true }

// Reader implements [Format]: records as lines of COPY's text.
func (f *jsonFormat) Reader(data []byte, columns []Column) (io.Reader, error) {
	r := jsonReader{format: f, columns: columns}
	buf := make([]byte, 0, len(data))
	index := 0
	for len(data) > 0 {
		end := lineEnd(data, 0, '\n')
		line := bytes.TrimSpace(data[:end])
		data = data[end:]
		if len(line) == 0 {
			continue
		}
		var err error
		if buf, err = r.text(buf, line); err != nil {
			if e, ok := errors.AsType[*Error](err); ok {
				e.Index = index
			}
			return nil, err
		}
		index++
	}
	return bytes.NewReader(buf), nil
}

// Encoder implements [Format].
func (f *jsonFormat) Encoder(columns []Column) Encoder {
	parsers := parsersFor(columns)
	if parsers == nil {
		return nil
	}
	return &jsonEncoder{jsonReader{format: f, columns: columns}, parsers}
}

type jsonEncoder struct {
	jsonReader
	parsers []parser
}

// Encode implements [Encoder].
func (e *jsonEncoder) Encode(buf, data []byte) (out []byte, n int, whole bool) {
	return encodeLines(buf, data, e.record)
}

func (e *jsonEncoder) record(buf, line []byte) ([]byte, bool) {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return buf, true
	}
	if err := e.read(line); err != nil {
		return buf, false
	}
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(e.parsers)))
	for i, p := range e.parsers {
		text, null, err := e.value(i)
		if err != nil {
			return buf, false
		}
		var ok bool
		if null {
			buf, ok = p.null(buf)
		} else {
			buf, ok = p.parse(buf, text)
		}
		if !ok {
			return buf, false
		}
	}
	return buf, true
}

// A jsonReader reads the members of objects.
type jsonReader struct {
	format  *jsonFormat
	columns []Column
	raw     [][]byte // of the last object: one value per column, nil if it is missing
	scratch []byte
}

// read reads the values of an object. Of several with the same key it keeps the
// last one, as the server's type jsonb does.
func (r *jsonReader) read(line []byte) error {
	if err := checkObject(line); err != nil {
		return &Error{Code: badJSON, Err: err}
	}
	if r.raw == nil {
		r.raw = make([][]byte, len(r.columns))
	}
	clear(r.raw)
	next := 0
	for key, value := range members(line) {
		i, err := r.column(key, next)
		if err != nil {
			return err
		}
		if i == skipped {
			continue
		}
		r.raw[i] = value
		next = i + 1
	}
	return nil
}

// column returns the column of a key. It first tries the one after the last,
// which is right if all objects have the same order of keys.
func (r *jsonReader) column(key []byte, expected int) (int, error) {
	if inner := key[1 : len(key)-1]; bytes.IndexByte(inner, '\\') < 0 {
		if expected < len(r.columns) && string(inner) == r.format.keys[expected] {
			return expected, nil
		}
		if i, ok := r.format.index[string(inner)]; ok {
			return i, nil
		}
	}
	name, err := unquote(key)
	if err != nil {
		return 0, &Error{Code: badJSON, Err: err}
	}
	i, ok := r.format.index[string(name)]
	if !ok {
		return 0, &Error{Code: badShape, Err: fmt.Errorf("the record has a key %q; %s only %s", name, r.format.Naming(), strings.Join(r.format.keys, ", "))}
	}
	return i, nil
}

// text appends an object as a line of COPY's text.
func (r *jsonReader) text(buf, line []byte) ([]byte, error) {
	if err := r.read(line); err != nil {
		return buf, err
	}
	for i := range r.columns {
		if i > 0 {
			buf = append(buf, '\t')
		}
		text, null, err := r.value(i)
		switch {
		case err != nil:
			return buf, err
		case null:
			buf = append(buf, `\N`...)
		default:
			buf = appendEscaped(buf, text)
		}
	}
	return append(buf, '\n'), nil
}

// value returns the text to send for a column of the object. It is valid until
// the next call.
func (r *jsonReader) value(i int) (text []byte, null bool, err error) {
	raw, c := r.raw[i], r.columns[i]
	switch {
	case raw == nil || string(raw) == "null":
		return nil, true, nil
	case c.Array && raw[0] == '[':
		r.scratch, err = appendArray(r.scratch[:0], raw, c.JSON)
		text = r.scratch
	case raw[0] == '"' && (c.Array || !c.JSON):
		text, err = unquote(raw)
	default:
		text = raw
	}
	if err != nil {
		return nil, false, &Error{Column: c.Name, Code: badJSON, Err: err}
	}
	return text, false, nil
}
