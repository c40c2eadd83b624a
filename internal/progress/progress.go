package progress

import "time"

// A State is the progress of a call. See batchinsert.Progress.
type State struct {
	Rows, Bad, TotalRows int64
	Bytes, TotalBytes    int64
	Elapsed              time.Duration
	Done                 bool
}

const interval = 100 * time.Millisecond

// A Meter calls a function with the progress of a call. The methods of a nil
// Meter, and of one without a function, do nothing.
type Meter struct {
	tell  func(State)
	start time.Time
	last  time.Time
	rows  int64 // of the latest State
}

// NewMeter returns a Meter that calls tell.
func NewMeter(tell func(State)) *Meter {
	now := time.Now()
	return &Meter{tell: tell, start: now, last: now}
}

// At reports p if interval has passed since the last report.
func (m *Meter) At(p State) {
	if m == nil || m.tell == nil {
		return
	}
	m.rows = p.Rows
	if now := time.Now(); now.Sub(m.last) >= interval {
		m.last = now
		p.Elapsed = now.Sub(m.start)
		m.tell(p)
	}
}

// Done reports p as the last State.
func (m *Meter) Done(p State) {
	if m == nil || m.tell == nil {
		return
	}
	p.Elapsed, p.Done = time.Since(m.start), true
	m.tell(p)
}

// End is Done with the rows of the latest State.
func (m *Meter) End() {
	if m != nil {
		m.Done(State{Rows: m.rows})
	}
}
