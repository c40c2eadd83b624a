package batchinsert

import (
	"fmt"
	"io"

	"github.com/headrace/headrace/internal/records"
)

// Peek returns the first n bytes of the text that a load would read from r, or
// all of it if there are fewer: decompressed, and in UTF-8, with 0xFF for bytes
// for which another encoding has no character. encoding is that of
// LoadOptions.Encoding; an unknown one is an error regardless of r. Peek is for
// programs that detect the format of a file. It reads ahead: to load from r,
// seek back to its beginning.
func Peek(r io.Reader, encoding string, n int) ([]byte, error) {
	if n < 0 {
		return nil, fmt.Errorf("batchinsert: peek at %d bytes: want 0 or more", n)
	}
	text, err := records.Open(r, encoding)
	if err != nil {
		return nil, fmt.Errorf("batchinsert: peek: %w", err)
	}
	first := make([]byte, n)
	n, err = io.ReadFull(text, first)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF { //nolint:errorlint // ReadFull returns them bare
		return nil, fmt.Errorf("batchinsert: peek: %w", err)
	}
	return first[:n], nil
}
