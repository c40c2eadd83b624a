package measure

import "context"

// Work is one task that each of its subjects does in its own way.
type Work struct {
	Name     string // as in "read/100x10/replay"
	Expect   Seen   // what every operation of every subject must have seen
	Writes   bool   // tells rows/s and allocs/row in place of ns/op, allocs/op and B/op
	Subjects []Subject

	// Baseline, if not "", is the subject whose CPU time the others' is divided
	// by, round by round: the two of a pair had the same machine. The median is
	// told, and between which bounds it lies with 95 % confidence.
	Baseline string
	Rounds   int // at least so many, whatever the options say
}

// Subject is one library, or one way to use it.
type Subject struct {
	Name string
	// Open makes it ready: connects, and compiles what is compiled once. The
	// operation is called from one goroutine at a time, and no longer after
	// close. If nil there is no operation to time, and only Extra's figures are
	// told; it is called before others are measured.
	Open func(ctx context.Context) (op Op, closeFn func(), err error)
	// Reset, if not nil, is called before each operation, which is measured alone.
	Reset func(ctx context.Context) error
	// Extra, if not nil, tells metrics that are not of time or memory, by name.
	// It is called once, and what it needs is not measured.
	Extra func(ctx context.Context) (map[string]float64, error)
}

// Op does the work once and says what it saw.
type Op func(ctx context.Context) (Seen, error)

// Seen is evidence that an operation did all of its work: a subject that stops
// early, or maps no column to its field, would otherwise be the fastest.
type Seen struct {
	Rows int
	Last int64 // the key of the last row
}

// Result is one figure; marshalled, one line of the program's JSON output.
type Result struct {
	Work    string  `json:"work"`
	Subject string  `json:"subject"`
	Metric  string  `json:"metric"`
	Value   float64 `json:"value"`
}

// The metrics of works.
const (
	NsPerOp      = "ns/op"      // wall clock
	CPUPerRow    = "cpu-ns/row" // user and system time of this process and its children, the collector included
	AllocsPerOp  = "allocs/op"
	BytesPerOp   = "B/op"
	RowsPerSec   = "rows/s"
	AllocsPerRow = "allocs/row"
	Ratio        = "ratio" // of CPU time to that of the work's baseline
	RatioLow     = "ratio-low"
	RatioHigh    = "ratio-high"

	CPUPerOp      = "cpu-ns/op"
	HitRatio      = "ratio"     // of requests that hit
	OfBelady      = "of-belady" // that ratio to the greatest possible
	BytesPerEntry = "B/entry"   // of the heap, beyond the entry's data
)
