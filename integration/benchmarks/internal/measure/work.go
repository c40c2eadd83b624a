package measure

import "context"

// Work is one task that each of its subjects does in its own way.
type Work struct {
	Name     string // as in "read/100x10/replay"
	Expect   Seen   // what every operation of every subject must have seen
	Writes   bool   // report rows/s and allocs/row instead of ns/op, allocs/op and B/op
	Subjects []Subject

	// Baseline, if not "", is the subject by whose CPU time and time those of the
	// others are divided, round by round, so that both had the same conditions.
	// The medians are reported with the bounds of their 95 % confidence intervals.
	Baseline string
	Rounds   int // at least, whatever the options say
}

// Subject is one library, or one way to use it.
type Subject struct {
	Name string
	// Open prepares the subject: it connects, and compiles what is compiled once.
	// The operation is called from one goroutine at a time, and not after close.
	// If Open is nil, there is no operation to time, only Extra's figures are
	// reported, and Extra is called before other subjects are measured.
	Open func(ctx context.Context) (op Op, closeFn func(), err error)
	// Reset, if not nil, is called before each operation and is not measured.
	Reset func(ctx context.Context) error
	// Extra, if not nil, returns further metrics by name. It is called once and
	// is not measured.
	Extra func(ctx context.Context) (map[string]float64, error)
}

// Op does the work once and returns what it saw.
type Op func(ctx context.Context) (Seen, error)

// Seen proves that an operation did all of its work. Without it a subject that
// stops early, or leaves a field unset, would be the fastest.
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
	Ratio        = "ratio"      // of CPU time to that of the work's baseline
	TimeRatio    = "time-ratio" // of time to that of the work's baseline
	LowSuffix    = "-low"       // after either: the bounds
	HighSuffix   = "-high"

	MedianTime = "median-ns" // of single times
	P99Time    = "p99-ns"

	CPUPerOp      = "cpu-ns/op"
	HitRatio      = "ratio"     // of requests that hit
	OfBelady      = "of-belady" // that ratio to the greatest possible
	BytesPerEntry = "B/entry"   // of the heap, beyond the entry's data
)
