package records

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// inputBuffer is the size of a read of a file.
const inputBuffer = 256 << 10

// Compression is detected by the first bytes of a file: RFC 1952 for gzip, RFC
// 8878 for zstd, and those of the program for bzip2.
var compressions = []struct {
	name  string
	magic []byte
	open  func(io.Reader) (io.Reader, error)
}{
	{"gzip", []byte{0x1f, 0x8b}, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{"zstd", []byte{0x28, 0xb5, 0x2f, 0xfd}, openZstd},
	{"bzip2", []byte("BZh"), func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
}

// zstdMemory bounds the window of a zstd file. The zstd command has the same
// bound, 128 MiB; levels up to 19 need 8 MiB.
const zstdMemory = 128 << 20

// openZstd decodes in the goroutine of the reader, so that nothing needs to be
// closed.
func openZstd(r io.Reader) (io.Reader, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdMemory))
}

// A Text is the text of a file in UTF-8.
type Text struct {
	*bufio.Reader
	Packed   bool   // offsets in the text are not offsets in the file
	Encoding string // of the file; empty for UTF-8
}

// Open returns the text of a file, without compression, which is detected by its
// first bytes, and without a byte order mark. [CheckEncoding] accepts encoding;
// empty means UTF-8, or UTF-16 with a byte order mark. Bytes for which an
// encoding other than UTF-8 has no character become [Undecodable].
func Open(r io.Reader, encoding string) (Text, error) {
	file, packed := bufio.NewReaderSize(r, inputBuffer), false
	for _, c := range compressions {
		if !starts(file, c.magic) {
			continue
		}
		plain, err := c.open(file)
		if err != nil {
			return Text{}, fmt.Errorf("%s: %w", c.name, whole(err))
		}
		file, packed = bufio.NewReaderSize(&decompressor{c.name, plain}, inputBuffer), true
		break
	}
	text, from, err := decode(file, encoding)
	if err != nil {
		return Text{}, err
	}
	return Text{text, packed || from != "", from}, nil
}

func starts(file *bufio.Reader, with []byte) bool {
	first, _ := file.Peek(len(with)) // the next Read returns its error
	return bytes.Equal(first, with)
}

// A decompressor adds to the error of a file that was cut off that it is
// compressed.
type decompressor struct {
	name string
	r    io.Reader
}

func (d *decompressor) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%s: %w", d.name, whole(err))
	}
	return n, err
}

// whole returns the error for a file that ends too early.
func whole(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("the file is cut off: %w", io.ErrUnexpectedEOF)
	}
	return err
}
