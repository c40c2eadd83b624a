package load

import (
	"time"

	"github.com/headrace/headrace/internal/target"
)

// A Report is what a load did: see batchinsert.Report.
type Report struct {
	ID                             string
	Rows, Suppressed, Bad, Skipped int64
	Bytes                          int64
	Elapsed                        time.Duration
	Unended                        bool
	Counts                         target.Counts
	BadLines                       []error // made by options.LineError
	Chunks                         []Chunk
}

// maxBadLines bounds result.BadLines.
const maxBadLines = 100

// A Chunk is a chunk as it is recorded: see batchinsert.Chunk.
type Chunk struct {
	Index              int
	FirstByte, EndByte int64
	FirstLine          int64
	Rows, Bad          int64
}
