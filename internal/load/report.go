package load

import (
	"time"

	"github.com/headrace/headrace/internal/target"
)

// A Report is the result of a load. See batchinsert.Report.
type Report struct {
	ID                             string
	Rows, Suppressed, Bad, Skipped int64
	Bytes                          int64
	Elapsed                        time.Duration
	Unended                        bool
	Counts                         target.Counts
	BadLines                       []error // returned by Options.LineError
	Chunks, Unknown                []Chunk
}

// maxBadLines bounds Report.BadLines.
const maxBadLines = 100

// A Chunk is a chunk in the ledger. See batchinsert.Chunk.
type Chunk struct {
	Index              int
	FirstByte, EndByte int64
	FirstLine          int64
	Rows, Bad          int64
}
