package batchinsert

import (
	"context"
	"fmt"

	"github.com/headrace/headrace/internal/load"
)

// Plan cuts an input into chunks and records them under opts.ID, in one
// transaction, without loading any: so that the workers of a job queue can, each
// by [LoadChunk]. The same call again returns the chunks that are recorded, with
// the rows of those that were loaded meanwhile. [Load] with the ID loads what is
// missing as ever.
//
// opts are those of the load; Jobs means nothing here, and DropIndexes is
// refused: there is no end at which to put them back.
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
// of its own: once, however often it is called and by how many processes. in and
// opts are what Plan was given. A file that is not compressed is not read up to
// the chunk: it has to be an [io.Seeker] for that.
//
// It waits for another process that is at the same chunk. After the last chunk
// the load is finished, which Load with its ID reports.
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
