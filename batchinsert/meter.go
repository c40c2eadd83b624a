package batchinsert

import "time"

// progress is batchinsert.Progress.
type progress struct {
	Rows, Bad, TotalRows int64
	Bytes, TotalBytes    int64
	Elapsed              time.Duration
	Done                 bool
}

const progressEvery = 100 * time.Millisecond

// A meter tells a Progress function how a call is getting on. A nil meter and a
// nil function make every method a no-op.
type meter struct {
	tell  func(progress)
	start time.Time
	last  time.Time
	rows  int64 // of the latest Progress
}

func newMeter(tell func(progress)) *meter {
	now := time.Now()
	return &meter{tell: tell, start: now, last: now}
}

// at tells p if it is time to.
func (m *meter) at(p progress) {
	if m == nil || m.tell == nil {
		return
	}
	m.rows = p.Rows
	if now := time.Now(); now.Sub(m.last) >= progressEvery {
		m.last = now
		p.Elapsed = now.Sub(m.start)
		m.tell(p)
	}
}

// done tells the last Progress.
func (m *meter) done(p progress) {
	if m == nil || m.tell == nil {
		return
	}
	p.Elapsed, p.Done = time.Since(m.start), true
	m.tell(p)
}

// end tells the last Progress of a call that has succeeded.
func (m *meter) end() {
	if m != nil {
		m.done(progress{Rows: m.rows})
	}
}
