package pgcopy

import (
	"errors"
	"io"
	"math"
	"sync"

	"github.com/headrace/headrace/internal/panics"
)

// A Stream is the data of a binary COPY. Rows are encoded when they are read,
// directly into the buffer of Read.
//
// pgconn reads it in a goroutine of its own, and may abandon that goroutine when
// a context ends. [Stream.Close] ends it: no row is accessed after Close has
// returned.
type Stream interface {
	io.Reader
	// Rows returns the number of rows encoded so far.
	Rows() int64
	// Err returns the error that ended the rows early, or nil: a *[RowError],
	// the source's error with its row, or a *[panics.Error] for a panic of the
	// source or of a method of a value. pgconn hides it behind an error of the
	// server.
	Err() error
	// Close makes every further Read fail. It waits for a current Read.
	Close()
}

var errClosed = errors.New("rows are no longer read")

// The header of a binary COPY: signature, flags, length of the extension. And
// its end.
var (
	copyHeader  = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	copyTrailer = []byte{0xff, 0xff}
)

// OfSlice returns the stream over rows. It never blocks. rows remain the
// caller's and must not change before Close.
func OfSlice[T any](e *Encoder[T], rows []T) Stream {
	return &sliceStream[T]{encoder: e, rows: rows, rest: copyHeader}
}

type sliceStream[T any] struct {
	encoder *Encoder[T]
	rows    []T

	mu      sync.Mutex // held by Read and Close; guards what follows
	next    int        // rows[next] is the next to encode
	rest    []byte     // encoded bytes that no Read has taken yet
	scratch []byte     // the buffer for rows larger than that of Read
	largest int        // bytes of the largest row so far
	ended   bool       // the trailer is in rest, or was read
	err     error
}

// Read implements [Stream].
func (s *sliceStream[T]) Read(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	defer func() {
		if v := recover(); v != nil {
			s.err = panics.New(v)
			n, err = 0, s.err
		}
	}()
	n = s.take(p)
	if n == len(p) {
		return n, nil
	}
	filled, err := s.fill(p[n:])
	if err != nil {
		s.err = err
		return 0, err
	}
	n += filled
	if n < len(p) && s.next == len(s.rows) && !s.ended {
		s.ended, s.rest = true, copyTrailer
		n += s.take(p[n:])
	}
	if n == 0 && s.ended {
		return 0, io.EOF
	}
	return n, nil
}

// take copies the rest of earlier rows. Called with mu held.
func (s *sliceStream[T]) take(p []byte) int {
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n
}

// fill encodes rows into p until the next one may not fit. A row larger than p
// goes through scratch. Called with mu held and an empty rest.
func (s *sliceStream[T]) fill(p []byte) (int, error) {
	if s.next == len(s.rows) {
		return 0, nil
	}
	out, last, err := s.encode(p[:0:len(p)], len(s.rows)-s.next, len(p))
	switch {
	case err != nil:
		return 0, err
	case len(out) > len(p): // append went to a new array: keep only the last row
		s.scratch = append(s.scratch[:0], out[last:]...)
		s.rest = s.scratch
		return last + s.take(p[last:]), nil
	case len(out) > 0:
		return len(out), nil
	}
	if out, _, err = s.encode(s.scratch[:0], 1, math.MaxInt); err != nil {
		return 0, err
	}
	s.scratch, s.rest = out, out
	return s.take(p), nil
}

// encode appends up to count of the next rows while they fit into limit bytes, and
// returns where the last begins: see run. Called with mu held.
func (s *sliceStream[T]) encode(buf []byte, count, limit int) (out []byte, last int, err error) {
	out, n, last, err := s.encoder.run(buf, addressOf(&s.rows[s.next]), sizeOf[T](), count, limit, &s.largest)
	s.next += n
	if err != nil {
		return nil, 0, atRow(err, int64(s.next)+1)
	}
	return out, last, nil
}

// Rows implements [Stream].
func (s *sliceStream[T]) Rows() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(s.next)
}

// Err implements [Stream].
func (s *sliceStream[T]) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(s.err, errClosed) {
		return nil
	}
	return s.err
}

// Close implements [Stream].
func (s *sliceStream[T]) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = errClosed
	}
}

// atRow sets the row of a *RowError.
func atRow(err error, row int64) error {
	if bad, ok := errors.AsType[*RowError](err); ok {
		bad.Row = row
	}
	return err
}
