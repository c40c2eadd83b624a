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

// inputBuffer is how much of a file is read at once.
const inputBuffer = 256 << 10

// Compression is seen by a file's first bytes: RFC 1952 for gzip, RFC 8878 for
// zstd, and the program's own for bzip2.
var compressions = []struct {
	name  string
	magic []byte
	open  func(io.Reader) (io.Reader, error)
}{
	{"gzip", []byte{0x1f, 0x8b}, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{"zstd", []byte{0x28, 0xb5, 0x2f, 0xfd}, openZstd},
	{"bzip2", []byte("BZh"), func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
}

// zstdMemory bounds the window that a zstd file may ask for. zstd's own command
// refuses more than 128 MiB too; levels up to 19 need 8 MiB.
const zstdMemory = 128 << 20

// openZstd decodes in the goroutine that reads, so that there is nothing to
// close.
func openZstd(r io.Reader) (io.Reader, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdMemory))
}

// A Text is the text of a file in UTF-8.
type Text struct {
	*bufio.Reader
	Packed   bool   // bytes of the text lie elsewhere in the file
	Encoding string // that it was decoded from; empty for UTF-8
}

// Open returns the text of a file: without compression, which is seen by its
// first bytes, and without a byte order mark. [CheckEncoding] takes encoding;
// empty is UTF-8, or UTF-16 where a byte order mark says so. Bytes that another
// encoding than UTF-8 has no character for are [Undecodable].
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
	first, _ := file.Peek(len(with)) // a read error comes again
	return bytes.Equal(first, with)
}

// A decompressor says that it is the compression where a file was cut.
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

// whole says in words that a file ends too early.
func whole(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("the file is cut off: %w", io.ErrUnexpectedEOF)
	}
	return err
}
