package db

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/headrace/headrace/internal/panics"
)

// A copySource is the reader of a COPY's data. pgconn tells the server of its
// error and returns the server's answer, in which the error is text only; and
// it reads on a goroutine of its own, on which a panic would end the program.
// So both are kept here.
type copySource struct {
	r      io.Reader
	failed atomic.Pointer[error] // a Read that was left behind may still set it
	panic  atomic.Pointer[panics.Error]
}

var errSourcePanicked = errors.New("the source panicked")

// Read implements [io.Reader].
func (s *copySource) Read(p []byte) (n int, err error) {
	defer func() {
		if v := recover(); v != nil {
			p := panics.New(v)
			s.panic.Store(p)
			s.fail(p)
			n, err = 0, errSourcePanicked // the server logs it: no stack
		}
	}()
	n, err = s.r.Read(p)
	if err != nil && err != io.EOF { // as pgconn takes it: a wrapped one is a failure
		s.fail(err)
	}
	return n, err
}

func (s *copySource) fail(err error) { s.failed.Store(&err) }

// explain adds the source's error to that of the COPY that it aborted.
func (s *copySource) explain(err error) error {
	failed := s.failed.Load()
	if failed == nil || err == nil {
		return err
	}
	return fmt.Errorf("read the source: %w: %w", *failed, err)
}

// panicked returns the source's panic, or nil.
func (s *copySource) panicked() *panics.Error { return s.panic.Load() }
