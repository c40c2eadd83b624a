package progress

import "time"

// State is batchinsert.Progress.
type State struct {
	Rows, Bad, TotalRows int64
	Bytes, TotalBytes    int64
	Elapsed              time.Duration
	Done                 bool
}

const interval = 100 * time.Millisecond

// A Meter tells a Progress function how a call is getting on. A nil meter and a
// nil function make every method a no-op.
type Meter struct {
	tell  func(State)
	start time.Time
	last  time.Time
	rows  int64 // of the latest Progress
}

func NewMeter(tell func(State)) *Meter {
	now := time.Now()
	return &Meter{tell: tell, start: now, last: now}
}

// At tells p if it is time to.
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

// Done tells the last Progress.
func (m *Meter) Done(p State) {
	if m == nil || m.tell == nil {
		return
	}
	p.Elapsed, p.Done = time.Since(m.start), true
	m.tell(p)
}

// End tells the last Progress of a call that has succeeded.
func (m *Meter) End() {
	if m != nil {
		m.Done(State{Rows: m.rows})
	}
}
