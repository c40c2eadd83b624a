package batchinsert

import (
	"time"

	"github.com/headrace/headrace/internal/pgcopy"
	"github.com/headrace/headrace/internal/progress"
)

// Progress is the progress of a call.
type Progress struct {
	// Rows sent to the server so far, and rows of a load that were loaded by an
	// earlier call. They are in the table once the call has returned without an
	// error, not before.
	Rows int64
	// Bad lines so far, in a load that continues after them.
	Bad int64
	// TotalRows of the input, 0 if unknown.
	TotalRows int64
	// Bytes of the input read so far, and its size: 0 if they are not
	// applicable or unknown.
	Bytes, TotalBytes int64
	Elapsed           time.Duration
	// Done is true in the last call.
	Done bool
}

// Share returns the share of the input that is done, from 0 to 1, or -1 if it is
// unknown.
func (p Progress) Share() float64 {
	switch {
	case p.Done:
		return 1
	case p.TotalBytes > 0:
		return min(1, float64(p.Bytes)/float64(p.TotalBytes))
	case p.TotalRows > 0:
		return min(1, float64(p.Rows+p.Bad)/float64(p.TotalRows))
	}
	return -1
}

// Rate returns the rows per second so far.
func (p Progress) Rate() float64 {
	if p.Elapsed <= 0 {
		return 0
	}
	return float64(p.Rows) / p.Elapsed.Seconds()
}

// Left returns the time that the rest will take at the rate so far, or -1 if it
// is unknown.
func (p Progress) Left() time.Duration {
	share := p.Share()
	if share <= 0 {
		return -1
	}
	return time.Duration(float64(p.Elapsed) * (1 - share) / share)
}

// metered returns t with a meter for one call, or an error if its options are
// invalid.
func (t *Table[T]) metered() (*Table[T], error) {
	if t.invalid != nil || t.opts.Progress == nil {
		return t, t.invalid
	}
	with := *t
	with.meter = progress.NewMeter(meterFunc(t.opts.Progress))
	return &with, nil
}

// A meteredStream reports progress after each Read.
type meteredStream struct {
	pgcopy.Stream
	meter *progress.Meter
}

func (s *meteredStream) Read(p []byte) (int, error) {
	n, err := s.Stream.Read(p)
	if err == nil {
		s.meter.At(progress.State{Rows: s.Rows()})
	}
	return n, err
}

// meterFunc returns fn as a Meter takes it.
func meterFunc(fn func(Progress)) func(progress.State) {
	if fn == nil {
		return nil
	}
	return func(p progress.State) { fn(Progress(p)) }
}
