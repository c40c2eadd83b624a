package panics

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func recovered(value any) (err *Error) {
	defer func() { err = New(recover()) }()
	panic(value)
}

func TestError(t *testing.T) {
	err := recovered(io.ErrUnexpectedEOF)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v does not wrap the value", err)
	}
	if text := err.Error(); !strings.HasPrefix(text, "panic: unexpected EOF\n\n") || !strings.Contains(text, "panics.recovered") {
		t.Errorf("%s: without the value or the stack of the function that panicked", text)
	}
	if err := recovered("no error"); errors.Unwrap(err) != nil {
		t.Errorf("%v wraps an error", err)
	}
}
