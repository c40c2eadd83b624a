package batchinsert

import (
	"context"
	"fmt"

	"github.com/headrace/headrace/internal/load"
)

// Plan cuts an input into chunks and records them under opts.ID, in one
// transaction, without loading them, so that the workers of a job queue can do
// that, each by [LoadChunk]. A further call returns the recorded chunks; those
// that are loaded have their number of rows. [Load] with the ID loads the missing
// chunks as usual.
//
// opts are those of the load. Jobs has no effect, and DropIndexes is refused:
// there is no end of the load at which to restore them.
func Plan(ctx context.Context, w Writer, table string, in Input, opts *LoadOptions) ([]Chunk, error) {
	input, o, err := arguments(in, opts)
	if err != nil {
		return nil, err
	}
	l, err := load.NewPlanned(table, input, o)
	var chunks []load.Chunk
	if err == nil {
		chunks, err = l.Plan(ctx, w)
	}
	if err != nil {
		return nil, fmt.Errorf("plan the load of %s into %s: %w", l.Name(), table, loadError(ctx, err))
	}
	return chunksOf(chunks), nil
}

// LoadChunk loads one chunk of a load that [Plan] has recorded, in a transaction
// of its own: exactly once, regardless of the number of calls and processes. in
// and opts must be those of Plan. In an [io.Seeker] that is not compressed, it
// seeks to the chunk; other inputs are read up to it.
//
// LoadChunk waits for another process that is loading the same chunk. When
// all chunks are loaded, Load with the same ID returns their Report without
// loading anything.
func LoadChunk(ctx context.Context, w Writer, table string, in Input, chunk int, opts *LoadOptions) (Report, error) {
	input, o, err := arguments(in, opts)
	if err != nil {
		return Report{}, err
	}
	l, err := load.NewPlanned(table, input, o)
	if err == nil {
		err = l.RunChunk(ctx, w, chunk)
	}
	if err != nil {
		return reportOf(l), fmt.Errorf("load chunk %d of %s into %s: %w", chunk, l.Name(), table, loadError(ctx, err))
	}
	return reportOf(l), nil
}
