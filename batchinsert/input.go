package batchinsert

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
)

// inputBuffer is how much of a file is read at once.
const inputBuffer = 256 << 10

// A meteredInput counts the bytes of a file as it lies there, compressed.
type meteredInput struct {
	r     io.Reader
	bytes atomic.Int64
	total int64
	meter *meter
}

func newMeteredInput(r io.Reader, tell func(Progress)) *meteredInput {
	return &meteredInput{r: r, total: sizeOf(r), meter: newMeter(tell)}
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

func (in *meteredInput) Read(p []byte) (int, error) {
	n, err := in.r.Read(p)
	in.bytes.Add(int64(n))
	return n, err
}

func (in *meteredInput) tell(rows int64) {
	in.meter.at(Progress{Rows: rows, Bytes: in.bytes.Load(), TotalBytes: in.total})
}

func (in *meteredInput) done(rows int64) {
	in.meter.done(Progress{Rows: rows, Bytes: in.bytes.Load(), TotalBytes: in.total})
}

var (
	gzipMagic = []byte{0x1f, 0x8b}
	utf8Mark  = []byte{0xef, 0xbb, 0xbf}
	utf16LE   = []byte{0xff, 0xfe}
	utf16BE   = []byte{0xfe, 0xff}
)

// decompress looks at the first bytes of a file and takes off what is around
// its text: gzip, and a byte order mark.
func decompress(r io.Reader) (*bufio.Reader, error) {
	file := bufio.NewReaderSize(r, inputBuffer)
	if starts(file, gzipMagic) {
		text, err := gzip.NewReader(file)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		file = bufio.NewReaderSize(gzipReader{text}, inputBuffer)
	}
	switch {
	case starts(file, utf8Mark):
		_, err := file.Discard(len(utf8Mark))
		return file, err
	case starts(file, utf16LE), starts(file, utf16BE):
		return nil, errors.New("the file is UTF-16; convert it to UTF-8")
	}
	return file, nil
}

func starts(file *bufio.Reader, with []byte) bool {
	first, _ := file.Peek(len(with)) // a read error comes again
	return bytes.Equal(first, with)
}

// A gzipReader says that it is the compression where a file was cut.
type gzipReader struct{ r io.Reader }

func (g gzipReader) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("gzip: %w", err)
	}
	return n, err
}
