package batchinsert

import (
	"time"

	"github.com/headrace/headrace/internal/pgcopy"
)

// Progress is how far a call has got.
type Progress struct {
	// Rows sent to the server so far. They are in the table when the call
	// returns without an error, not before.
	Rows int64
	// Bytes of the input read so far, and of all of it: 0 where they mean
	// nothing or are not known.
	Bytes, TotalBytes int64
	Elapsed           time.Duration
	// Done is set in the last one.
	Done bool
}

const progressEvery = 100 * time.Millisecond

// A meter tells a Progress function how a call is getting on. A nil function
// makes every method a no-op.
type meter struct {
	tell  func(Progress)
	start time.Time
	last  time.Time
}

func newMeter(tell func(Progress)) *meter {
	now := time.Now()
	return &meter{tell: tell, start: now, last: now}
}

// at tells p if it is time to.
func (m *meter) at(p Progress) {
	if m.tell == nil {
		return
	}
	if now := time.Now(); now.Sub(m.last) >= progressEvery {
		m.last = now
		p.Elapsed = now.Sub(m.start)
		m.tell(p)
	}
}

// done tells the last Progress.
func (m *meter) done(p Progress) {
	if m.tell == nil {
		return
	}
	p.Elapsed, p.Done = time.Since(m.start), true
	m.tell(p)
}

// A meteredStream tells after each buffer.
type meteredStream struct {
	pgcopy.Stream
	meter *meter
}

func (s *meteredStream) Read(p []byte) (int, error) {
	n, err := s.Stream.Read(p)
	if err == nil {
		s.meter.at(Progress{Rows: s.Rows()})
	}
	return n, err
}
